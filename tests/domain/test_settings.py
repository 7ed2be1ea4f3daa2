"""What the environment may set."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.errors import InvalidInput
from usher.settings import Settings, Timing, settings_from


def told(**environ):
    with pytest.raises(InvalidInput) as refused:
        settings_from(environ)
    return refused.value


def test_without_any_variable_everything_has_its_default():
    settings = settings_from({})

    assert settings == Settings()
    assert settings.data_dir == Path("usher-data")
    assert settings.timing == Timing()
    assert (settings.allow_http, settings.allow_private, settings.scan_guard_seconds) == (False, False, 120)


def test_a_claim_holds_for_room_timeout_quarantine_and_margin():
    assert Timing().hold_ms == 60_000
    assert settings_from({"USHER_SEND_ROOM_SECONDS": "20"}).timing.hold_ms == 65_000
    assert settings_from({"USHER_REQUEST_TIMEOUT_SECONDS": "0.5"}).timing.hold_ms == 50_500
    assert settings_from({"USHER_QUARANTINE_SECONDS": "0"}).timing.hold_ms == 30_000
    assert settings_from({"USHER_CLOCK_MARGIN_SECONDS": "7"}).timing.hold_ms == 62_000


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_variable_is_as_good_as_none(blank):
    assert settings_from({"USHER_DATA_DIR": blank, "USHER_ALLOW_HTTP": blank, "USHER_TOKEN": blank}) == Settings()


def test_values_are_trimmed():
    settings = settings_from({"USHER_DATABASE_URL": " postgresql://db/usher\n", "USHER_SEND_ROOM_SECONDS": " 20 "})

    assert (settings.database_url, settings.send_room_seconds) == ("postgresql://db/usher", 20)


@pytest.mark.parametrize(("text", "is_on"), [("1", True), ("true", True), ("yes", True), ("0", False), ("off", False)])
def test_a_switch_is_on_or_off(text, is_on):
    assert settings_from({"USHER_ALLOW_HTTP": text, "USHER_ALLOW_PRIVATE": text}).allow_http is is_on


def test_variables_of_other_programs_are_none_of_ours():
    assert settings_from({"PATH": "/bin", "USHERING": "1", "usher_token": "x"}) == Settings()


def test_every_problem_is_told_at_once_by_the_name_of_its_variable():
    error = told(USHER_SEND_ROOM="1", USHER_SEND_ROOM_SECONDS="1", USHER_ALLOW_HTTP="maybe", USHER_URL="http://u")

    assert {p.field for p in error.problems} == {"USHER_SEND_ROOM", "USHER_SEND_ROOM_SECONDS", "USHER_ALLOW_HTTP"}
    assert all(p.problem.endswith(".") and p.mend.endswith(".") for p in error.problems)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("USHER_KEEP_LOGS_DAYS", "ten", "is not a whole number."),
        ("USHER_KEEP_LOGS_DAYS", "1.5", "is not a whole number."),
        ("USHER_KEEP_LOGS_DAYS", "9" * 5_000, "is too large a number."),
        ("USHER_KEEP_LOGS_DAYS", "0", "must be 1 or more."),
        ("USHER_KEEP_LOGS_DAYS", "3651", "must be 3650 or less."),
        ("USHER_CLOCK_MARGIN_SECONDS", "ten", "is not a number."),
        ("USHER_CLOCK_MARGIN_SECONDS", "-1", "must be 0 or more."),
        ("USHER_SCAN_GUARD_SECONDS", "1e9", "must be 86400 or less."),
        ("USHER_REQUEST_TIMEOUT_SECONDS", "0", "must be more than 0."),
        ("USHER_ALLOW_HTTP", "maybe", "is neither true nor false."),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_wrong_with_a_number_or_a_switch_is_said_in_plain_words(variable, text, words):
    assert [(p.field, p.problem) for p in told(**{variable: text}).problems] == [(variable, words)]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("SEND_ROOM_SECONDS", "2", "600"),
        ("REQUEST_TIMEOUT_SECONDS", "0.001", "300"),
        ("QUARANTINE_SECONDS", "0", "3600"),
        ("CLOCK_MARGIN_SECONDS", "0", "600"),
        ("SCAN_GUARD_SECONDS", "0", "86400"),
    ],
)
def test_durations_have_limits(name, least, most):
    variable = f"USHER_{name}"
    for within in (least, most):
        assert getattr(settings_from({variable: within}), name.lower()) == float(within)
    for odd in ("-0.001", str(float(most) + 0.001), "nan", "inf", "ten", "1e999"):
        assert [p.field for p in told(**{variable: odd}).problems] == [variable]


def test_a_secret_shows_in_no_repr_and_no_problem():
    settings = settings_from({"USHER_SECRET_KEY": "hunter2", "USHER_TOKEN": "hunter2"})
    error = told(USHER_SECRET_KEY="hunter2", USHER_TOKEN="hunter2", USHER_SECRET="hunter2", USHER_ALLOW_HTTP="hunter2")

    assert settings.token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings) + str(settings)
    assert "hunter2" not in error.message


@given(st.dictionaries(st.sampled_from([f"USHER_{n.upper()}" for n in Settings.model_fields]), st.text(max_size=9)))
def test_any_environment_gives_settings_or_invalid_input(environ):
    blamed, settings = set(), Settings()
    try:
        settings = settings_from(environ)
    except InvalidInput as error:
        blamed = {problem.field for problem in error.problems}

    assert blamed <= set(environ)
    assert settings.timing.hold_ms >= 2_000


@pytest.mark.parametrize(
    "text", ["nonsense", "usher.example.com", "ftp://usher.example.com", "http://", "http://x:99999"]
)
def test_an_address_that_is_none_of_the_web_s_is_refused(text):
    assert [p.field for p in told(USHER_BASE_URL=text, USHER_URL=text).problems] == ["USHER_BASE_URL", "USHER_URL"]
    assert settings_from({"USHER_URL": "http://127.0.0.1:8080"}).url == "http://127.0.0.1:8080"


def test_the_database_s_url_may_stand_in_a_file(tmp_path):
    file = tmp_path / "url"
    file.write_text(" postgresql://usher:hunter2@db/usher\n")
    settings = settings_from({"USHER_DATABASE_URL_FILE": str(file)})

    assert settings.database_url == "postgresql://usher:hunter2@db/usher"
    assert "hunter2" not in repr(settings) + str(settings)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"hunter2", b"\xff\xfe://hunter2", b"postgresql://a\nhunter2"])
def test_a_file_that_holds_no_database_s_url_is_told_and_what_it_holds_is_not(tmp_path, content):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    error = told(USHER_DATABASE_URL_FILE=str(file))

    assert [p.field for p in error.problems] == ["USHER_DATABASE_URL_FILE"]
    assert "hunter2" not in error.message
    assert error.__cause__ is None


def test_a_database_s_url_and_a_file_of_it_are_one_too_many(tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://db/usher")
    error = told(USHER_DATABASE_URL="postgresql://other/usher", USHER_DATABASE_URL_FILE=str(file))

    assert [p.field for p in error.problems] == ["USHER_DATABASE_URL_FILE"]


@pytest.mark.parametrize("url", ["postgresql://u:hun@ter2@db/usher", "postgresql://u:[hunter2@db/usher"])
def test_a_password_that_would_be_taken_for_the_host_is_refused_unseen(url):
    error = told(USHER_DATABASE_URL=url)

    assert [p.field for p in error.problems] == ["USHER_DATABASE_URL"]
    assert "ter2" not in error.message


def test_a_path_of_sqlite_s_may_hold_any_sign():
    assert settings_from({"USHER_DATABASE_URL": "sqlite:////data/a@b@c.db"}).database_url == "sqlite:////data/a@b@c.db"


def test_the_proxy_s_password_shows_in_no_repr():
    settings = settings_from({"USHER_PROXY_URL": "http://usher:hunter2@proxy:3128"})

    assert settings.proxy_url.get_secret_value() == "http://usher:hunter2@proxy:3128"
    assert "hunter2" not in repr(settings) + str(settings)
