"""What is typed into the new-job pages, and the job and the address that it becomes."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from usher.domain.configuration import LONGEST_TEXT, read_config
from usher.errors import InvalidInput, Problem
from usher.jobs.drafts import JobDraft
from usher.web.dashboard.wizard_fields import EXPORT, Typed, read_typed, typed_of
from usher.web.dashboard.wizard_problems import in_words, shown_at_fields

NEEDED = [("segment_id", "vip"), ("uid_field", "email"), ("group_id", "77")]


def typed(*pairs: tuple[str, str]) -> Typed:
    return read_typed([("draft", "d1"), *pairs], new_draft="never")


def config_of(found: Typed) -> dict[str, object]:
    config = found.job_draft().config
    assert config is not None
    return config


def test_a_first_visit_has_existing_users_and_the_question_before_mass_exits_on() -> None:
    found = read_typed([], new_draft="fresh")
    assert found.switches == {"withbackfill", "exit_brake"}
    assert found.text("draft") == "fresh"


def test_a_box_that_was_switched_off_stays_off_from_then_on() -> None:
    assert not typed().is_on("withbackfill")
    assert typed(("withbackfill", "on")).is_on("withbackfill")


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("once", set(), {"withbackfill", "backfill_only"}),
        ("live", {"withbackfill", "backfill_only"}, {"withbackfill"}),
        ("live", set(), set()),
        ("", {"backfill_only"}, {"backfill_only"}),
    ],
    ids=["once", "live again", "live", "another page"],
)
def test_the_one_time_export_is_two_switches(kind: str, before: set[str], after: set[str]) -> None:
    sent = [(name, "on") for name in sorted(before)]
    assert typed(("kind", kind), *sent).switches == after


def test_an_address_brings_everything_to_the_next_page() -> None:
    found = typed(*NEEDED, ("name", "A & B = ü?"), ("description", "two\nlines"), ("create_users", "on"))
    step, _, query = found.address(EXPORT).partition("?")
    assert step == EXPORT
    assert read_typed(parse_qsl(query), new_draft="never") == found


def test_what_a_page_does_not_know_is_not_carried_on() -> None:
    assert "mapp_secret" not in dict(typed(("mapp_secret", "s3cret"), ("x", "y")).pairs())


def test_a_field_of_a_switch_that_is_off_asks_for_nothing() -> None:
    fields = (*NEEDED, ("dynamic_attribute_prefix", "odd"), ("exit_brake_people", "x"), ("exit_brake_percent", "y"))
    off = config_of(typed(*fields))
    assert not {"dynamic_attribute_prefix", "exit_brake_people", "exit_brake_percent"} & set(off)
    on = config_of(typed(*fields, ("enable_dynamic_attributes", "on"), ("exit_brake", "on")))
    assert on["dynamic_attribute_prefix"] == "odd"
    with pytest.raises(InvalidInput) as refused:
        read_config(on)
    named = {problem.field for problem in refused.value.problems}
    assert named == {"config.dynamic_attribute_prefix", "config.exit_brake_people", "config.exit_brake_percent"}


@pytest.mark.parametrize(("text", "given"), [("0.25", 0.25), ("six", "six"), ("-1", -1.0)])
def test_a_number_is_read_and_what_is_none_is_left_for_the_rule_to_refuse(text: str, given: object) -> None:
    assert config_of(typed(("reconcile_hours", text)))["reconcile_hours"] == given


def test_a_copy_asks_for_the_very_same_job_under_a_new_label() -> None:
    whole = {
        "segment_id": "vip",
        "uid_field": "email",
        "group_id": "77",
        "mapp_attribute_name": "best",
        "enable_dynamic_attributes": True,
        "dynamic_attribute_prefix": "shop_",
        "withbackfill": True,
        "backfill_only": False,
        "create_users": True,
        "identifier_type": "userID",
        "lowercase_identifiers": False,
        "reconcile_hours": 6.0,
        "exit_brake": True,
        "exit_brake_people": 1_000_000,
        "exit_brake_percent": 12.5,
        "allow_unlisted_group": True,
    }
    original = JobDraft("VIP", "why", ("m1", "l1"), whole)
    copy = typed_of(original, new_draft="d2").job_draft()
    assert (copy.name, copy.description, copy.auth_ids) == ("VIP (copy)", "why", ("m1", "l1"))
    assert copy.config is not None
    assert read_config(copy.config) == read_config(whole)
    longest = replace(original, name="x" * LONGEST_TEXT)
    assert not typed_of(longest, new_draft="d2").job_draft().problems


def test_a_problem_is_a_sentence_and_names_no_command() -> None:
    found = in_words(Problem("config.group_id", "is not in Mapp's list.", "See `usher group list`."))
    assert (found.problem, found.mend) == ("Group ID is not in Mapp's list.", "Choose one from the list.")
    whole = in_words(Problem("config.uid_field", "Lytics has no field 'x'.", "Did you mean y?"))
    assert (whole.problem, whole.mend) == ("Lytics has no field 'x'.", "Did you mean y?")


def test_a_repair_is_offered_only_where_it_would_mend_the_field() -> None:
    must_end = Problem("config.dynamic_attribute_prefix", "must end with '_'.", "Write 'a_'.")
    too_long = Problem("config.dynamic_attribute_prefix", "is longer than 200 characters.", "Shorten it.")
    short, long = typed(("dynamic_attribute_prefix", "a")), typed(("dynamic_attribute_prefix", "a" * 300 + "_"))
    [repair] = shown_at_fields([must_end], short)["dynamic_attribute_prefix"].repairs
    assert (repair.field, repair.value) == ("dynamic_attribute_prefix", "a_")
    assert shown_at_fields([too_long], long)["dynamic_attribute_prefix"].repairs == ()
