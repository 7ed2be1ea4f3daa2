"""Whether a job's configuration is valid in itself: every problem at once, each with its field and its mend."""

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.configuration import KNOWN, REQUIRED, SWITCHES, TEXTS, read_config
from usher.domain.job import JobConfig
from usher.errors import InvalidInput

LEAST = {"segment_id": "vip", "uid_field": "email", "group_id": "2324000001"}
ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 8_760, 8_761, 1e308, "a_", "email", "x" * 81, "x" * 201])
    | st.floats()
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def problems_of(**given_):
    with pytest.raises(InvalidInput) as refused:
        read_config(LEAST | given_)
    return {problem.field: f"{problem.problem} {problem.mend}" for problem in refused.value.problems}


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_three_settings_are_enough():
    assert read_config(LEAST) == JobConfig(segment_id="vip", uid_field="email", group_id="2324000001")


def test_what_is_left_out_or_null_is_as_the_design_says():
    config = read_config(LEAST | dict.fromkeys(set(KNOWN) - set(REQUIRED)))

    assert asdict(config) == LEAST | {
        "mapp_attribute_name": "",
        "enable_dynamic_attributes": False,
        "dynamic_attribute_prefix": "",
        "withbackfill": False,
        "backfill_only": False,
        "create_users": False,
        "identifier_type": "email",
        "lowercase_identifiers": False,
        "reconcile_hours": 0.0,
        "exit_brake": True,
        "exit_brake_people": 500,
        "exit_brake_percent": 20.0,
        "allow_unlisted_group": False,
    }


def test_every_setting_is_read():
    full = LEAST | {
        "mapp_attribute_name": "vip",
        "enable_dynamic_attributes": True,
        "dynamic_attribute_prefix": "crm_",
        "withbackfill": True,
        "backfill_only": True,
        "create_users": True,
        "identifier_type": "userID",
        "lowercase_identifiers": True,
        "reconcile_hours": 0.25,
        "exit_brake": False,
        "exit_brake_people": 50,
        "exit_brake_percent": 12.5,
        "allow_unlisted_group": True,
    }

    assert asdict(read_config(full)) == full
    numbers = {"reconcile_hours", "exit_brake_people", "exit_brake_percent"}
    assert {*SWITCHES, *TEXTS, *numbers} == set(KNOWN) == {field.name for field in fields(JobConfig)}


def test_texts_are_trimmed():
    config = read_config({key: f" \t{value}\n" for key, value in LEAST.items()} | {"mapp_attribute_name": "  "})

    assert config == read_config(LEAST)


def test_the_same_configuration_comes_out_of_what_was_stored():
    config = read_config(LEAST | {"reconcile_hours": 6, "withbackfill": True})

    assert read_config(asdict(config)) == config


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("segment_id", None, "is required. Choose the audience"),
        ("segment_id", "  ", "is required."),
        ("uid_field", "", "is required. Choose the Lytics field"),
        ("group_id", None, "is required. Enter the Mapp Group ID"),
        *((field, value, "must be text. Send a JSON string.") for field in TEXTS for value in (7, True, ["a"], {})),
        *((field, value, "must be true or false.") for field in SWITCHES for value in (1, "true", "", [], {})),
        *((field, "a\x00b", "cannot be shown. Type it again.") for field in TEXTS),
        ("group_id", "a\ud800", "cannot be shown."),
        ("uid_field", "e\u202email", "cannot be shown."),
        *((field, "x" * 201, "longer than 200 characters. Shorten it.") for field in REQUIRED),
        ("dynamic_attribute_prefix", "x" * 200 + "_", "longer than 200 characters."),
        ("identifier_type", "x" * 201, "longer than 200 characters."),
        ("mapp_attribute_name", "x" * 81, "longer than 80 characters. Shorten it."),
        ("mapp_attribute_name", "x" * 300, "longer than 80 characters."),
        ("dynamic_attribute_prefix", "crm", "must end with '_'. Write 'crm_', or leave it blank."),
        ("dynamic_attribute_prefix", "crm_x", "must end with '_'."),
        ("identifier_type", "phone", "is not one of Mapp's. One of email, userID, mobileNumber, externalID."),
        ("identifier_type", "Email", "is not one of Mapp's."),
        ("identifier_type", "", "is not one of Mapp's."),
        *(
            ("reconcile_hours", odd, "must be a number of hours. 0 switches it off")
            for odd in ("6", True, False, [], {}, "")
        ),
        *(
            ("reconcile_hours", odd, "is out of range. Give a number from 0 to 8760.")
            for odd in (-1, -0.001, 8_760.001, 8_761, 10**400, -(10**400), float("nan"), float("inf"), -float("inf"))
        ),
        *(("reconcile_hours", odd, "is under a minute.") for odd in (0.01, 1e-300, 0.0166)),
        *(("exit_brake_people", odd, "must be a whole number of people.") for odd in ("6", True, 1.0, [], "")),
        *(("exit_brake_people", odd, "is out of range.") for odd in (0, -1, 1_000_000_001, 10**400)),
        *(("exit_brake_percent", odd, "must be a number of percent.") for odd in ("6", False, [], "")),
        *(("exit_brake_percent", odd, "is out of range.") for odd in (-0.1, 100.1, 10**400, float("nan"))),
        ("withbackFill", True, "is not a setting of this job. Known settings: segment_id,"),
        ("", 1, "is not a setting of this job."),
    ],
)
def test_a_problem_names_its_field_and_the_mend(field, value, says):
    problems = problems_of(**{field: value})

    assert list(problems) == [f"config.{field}"]
    assert says in problems[f"config.{field}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, "x" * 200) for field in REQUIRED),
        ("mapp_attribute_name", "x" * 80),
        ("dynamic_attribute_prefix", "x" * 199 + "_"),
        ("dynamic_attribute_prefix", "_"),
        *(("reconcile_hours", hours) for hours in (0, 0.0, 0.017, 1 / 60, 0.25, 24, 8_760)),
        *(("identifier_type", name) for name in ("email", "userID", "mobileNumber", "externalID")),
        ("mapp_attribute_name", "Größe (alt)"),
    ],
)
def test_what_is_just_within_its_limits_is_taken(field, value):
    assert asdict(read_config(LEAST | {field: value}))[field] == value


@pytest.mark.parametrize("withbackfill", [False, None])
def test_backfill_only_needs_existing_users(withbackfill):
    problems = problems_of(backfill_only=True, withbackfill=withbackfill)

    assert problems == {
        "config.backfill_only": "needs Existing Users. Select Existing Users (withbackfill), or clear this one."
    }
    assert read_config(LEAST | {"backfill_only": True, "withbackfill": True}).backfill_only


def test_every_problem_is_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        read_config(
            {
                "uid_field": 7,
                "group_id": "a\x07" + "x" * 200,
                "mapp_attribute_name": "x" * 81,
                "dynamic_attribute_prefix": "crm",
                "withbackfill": "yes",
                "backfill_only": True,
                "identifier_type": "phone",
                "reconcile_hours": -1,
                "colour": "red",
                "size": 1,
            }
        )
    told = [problem.field.removeprefix("config.") for problem in refused.value.problems]

    assert sorted(told) == sorted(
        [
            *("segment_id", "uid_field", "group_id", "group_id", "mapp_attribute_name", "dynamic_attribute_prefix"),
            *("withbackfill", "backfill_only", "identifier_type", "reconcile_hours", "colour", "size"),
        ]
    )
    assert all(field in refused.value.message for field in told)


def test_one_mistake_is_told_once():
    assert len(problems_of(identifier_type="x" * 201)) == 1
    assert problems_of(dynamic_attribute_prefix=["crm"]).keys() == {"config.dynamic_attribute_prefix"}


def test_nothing_at_all_lacks_what_is_required():
    with pytest.raises(InvalidInput) as refused:
        read_config({})

    assert [problem.field for problem in refused.value.problems] == [f"config.{key}" for key in REQUIRED]


def test_fields_are_named_as_the_caller_names_them():
    with pytest.raises(InvalidInput) as refused:
        read_config({}, prefix="")

    assert refused.value.problems[0].field == "segment_id"


def test_an_unknown_name_is_repeated_only_in_part():
    (field,) = problems_of(**{"x" * 100_000: 1})

    assert field == "config." + "x" * 200


@pytest.mark.parametrize("field", KNOWN)
def test_a_value_nested_deeper_than_python_can_follow_is_a_problem_like_any_other(field):
    assert list(problems_of(**{field: nested(100_000)})) == [f"config.{field}"]


def told_well(raw):
    """Read *raw*; a refusal must name, for each problem, a field, what is wrong and the mend."""
    try:
        return read_config(raw)
    except InvalidInput as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.field.startswith("config.")
        assert problem.problem.endswith(".")
        assert not problem.mend[0].islower()
        assert problem.mend.endswith(".")
    return None


@given(st.dictionaries(st.text(max_size=4) | st.sampled_from(KNOWN), ANY_VALUE, max_size=6))
def test_any_object_is_a_configuration_or_invalid_input(raw):
    config = told_well(raw)

    assert config is None or isinstance(config, JobConfig)


@given(st.sampled_from(KNOWN), ANY_VALUE)
def test_one_odd_value_is_taken_or_told_and_no_other_field_is_blamed(field, value):
    config = told_well(LEAST | {field: value})

    if config is None:
        assert problems_of(**{field: value}).keys() == {f"config.{field}"}
    else:
        assert all(getattr(config, key) == kept for key, kept in LEAST.items() if key != field)
        assert 0 <= config.reconcile_hours <= 8_760
        assert config.dynamic_attribute_prefix[-1:] in ("", "_")
        assert all(getattr(config, key).isprintable() for key in TEXTS)
        assert all(isinstance(getattr(config, key), bool) for key in SWITCHES)
