"""How the changes of a job are written for a person."""

from dataclasses import replace

import pytest

from tests.domain.test_job import a_job
from usher.jobs.editing import Change
from usher.web.dashboard.job_fields import change_words

LABELS = {"a1": "Mapp US", "a2": "Lytics", "a3": "Mapp EU"}
A_JOB = replace(a_job(), audience_slug="vip_shoppers")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("config.withbackfill", False, True), ("Existing Users", "Off", "On")),
        (Change("config.exit_brake", True, False), ("Ask before mass exits", "On", "Off")),
        (Change("config.exit_brake_people", 500, 12_000), ("Mass exits: people", "500", "12,000")),
        (Change("config.reconcile_hours", 0.0, 0.25), ("Compare every (hours)", "0", "0.25")),
        (Change("config.exit_brake_percent", 20.0, 12.55), ("Mass exits: percent", "20", "12.55")),
        (Change("auth_ids", ["a1", "a2"], ("a3", "a2")), ("Authorizations", "Mapp US, Lytics", "Mapp EU, Lytics")),
        (Change("auth_ids", ["gone", "a2"], ["a1", "a2"]), ("Authorizations", "gone, Lytics", "Mapp US, Lytics")),
        (Change("description", "", "Shops"), ("Description", "blank", "Shops")),
        (Change("config.later", "a", "b"), ("config.later", "a", "b")),
    ],
    ids=["on", "off", "people", "hours", "percent", "authorizations", "deleted-one", "blank", "unknown"],
)
def test_a_change_is_told_in_the_words_of_its_field(change: Change, words: tuple[str, str, str]) -> None:
    assert change_words([change], LABELS, job=A_JOB) == [words]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([Change("config.mapp_attribute_name", "", "two")], [("Mapp Attribute Name", "vip_shoppers", "two")]),
        ([Change("config.mapp_attribute_name", "two", "")], [("Mapp Attribute Name", "two", "vip_shoppers")]),
        ([Change("config.dynamic_attribute_prefix", "", "x_")], [("Dynamic Attribute Prefix", "blank", "x_")]),
        (
            [
                Change("config.group_id", "1", "2"),
                Change("config.enable_dynamic_attributes", False, True),
                Change("config.dynamic_attribute_prefix", "x_", ""),
            ],
            [
                ("Group ID", "1", "2"),
                ("Enable Dynamic Attributes", "Off", "On"),
                ("Dynamic Attribute Prefix", "x_", "2_"),
            ],
        ),
        ([Change("config.identifier_type", "email", "userID")], [("Identifier type", "E-mail address", "User ID")]),
        ([Change("description", "", "email")], [("Description", "blank", "email")]),
    ],
    ids=["to-a-name", "to-blank", "prefix-unused", "prefix-of-the-new-group", "identifier-type", "other-text"],
)
def test_what_a_blank_stands_for_is_shown_in_its_place(
    changes: list[Change], words: list[tuple[str, str, str]]
) -> None:
    assert change_words(changes, LABELS, job=A_JOB) == words
