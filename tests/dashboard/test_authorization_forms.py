"""What a form of credentials becomes, and what it shows again."""

import math

import pytest

from usher.errors import Problem
from usher.store.authorizations import Authorization
from usher.web.dashboard.authorization_forms import (
    at_fields,
    draft_from,
    values_kept,
    values_new,
    values_typed,
)
from usher.web.dashboard.forms import Form

BLANK = values_new("mapp", ())


def test_a_whole_address_fills_in_the_integration_id():
    typed = values_typed(Form([("api_url", "https://mapp.example/charon/api/v1/integration/int-7/event")]), "mapp")

    assert typed["integration_id"] == "int-7"


def test_an_integration_id_that_was_typed_stays():
    address = "https://mapp.example/api/v1/integration/int-7"
    typed = values_typed(Form([("api_url", address), ("integration_id", "int-8")]), "mapp")

    assert typed["integration_id"] == "int-8"


@pytest.mark.parametrize(
    ("provider", "typed", "kind"),
    [
        ("mapp", {}, "integration-secret"),
        ("mapp", {"rest_api_url": "https://x.example"}, "userpass-secret"),
        ("mapp", {"password": "p"}, "userpass-secret"),
        ("lytics", {}, "lytics-token"),
    ],
)
def test_the_type_follows_from_what_is_filled_in(provider, typed, kind):
    assert draft_from(values_new(provider, ()) | typed, provider).type == kind


@pytest.mark.parametrize(("typed", "limit"), [("", None), ("5", 5), ("2.5", 2.5), ("many", "many"), ("1e3", 1000.0)])
def test_a_limit_is_read_as_a_number_where_it_is_one(typed, limit):
    config = draft_from(BLANK | {"requests_per_second": typed}, "mapp").config

    assert config["requests_per_second"] == limit


def test_what_is_not_a_number_is_read_as_that_and_left_for_the_rule_of_the_field():
    config = draft_from(BLANK | {"requests_per_second": "nan"}, "mapp").config

    assert math.isnan(config["requests_per_second"])


def test_what_is_blank_is_left_as_it_is_and_a_blank_limit_is_none():
    draft = draft_from(BLANK | {"label": "Mapp", "api_url": "https://x.example"}, "mapp")

    assert draft.config == {"api_url": "https://x.example", "requests_per_second": None, "max_in_flight": None}
    assert draft.description == ""


def test_secrets_that_are_kept_are_never_shown():
    auth = Authorization(
        id="a",
        provider="mapp",
        type="userpass-secret",
        label="Ours",
        config={"api_url": "https://x.example", "integration_id": "i", "requests_per_second": 2.0},
        secrets="sealed-text",
    )
    values = values_kept(auth)

    assert (values["label"], values["api_url"], values["requests_per_second"]) == ("Ours", "https://x.example", "2")
    assert [values[name] for name in ("secret", "user", "password")] == ["", "", ""]
    assert "sealed-text" not in repr(values)


def test_a_new_label_is_free():
    assert values_new("mapp", ["Lytics"])["label"] == "Mapp"
    assert values_new("mapp", ["Mapp", "Mapp 2"])["label"] == "Mapp 3"


def test_problems_stand_at_their_fields_in_words_that_stand_alone():
    problems = at_fields(
        [
            Problem("config.secret", "is required.", "Enter it."),
            Problem("config.secret", "is odd.", ""),
            Problem("config.max_in_flight", "is out of range.", "null for the default."),
        ]
    )

    assert problems["secret"] == Problem("secret", "Secret is required.", "Enter it.")
    assert "null" not in problems["max_in_flight"].mend
