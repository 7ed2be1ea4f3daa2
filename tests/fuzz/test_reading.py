"""Whatever is read from outside but triggers: it is understood, or refused by name with what would mend it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clocks import ManualClock
from tests.fuzz.corpus import IDENTIFIERS, RAW_ITEMS, scalars, texts, values
from usher.domain.configuration import KNOWN, TEXTS, read_config
from usher.domain.job import JobConfig
from usher.domain.observation import Source
from usher.errors import Conflict, InvalidInput, RemoteMissing, RemoteRejected, Unavailable, UsherError
from usher.jobs.paging import MOST_DIGITS, number_in
from usher.lytics import tolerant
from usher.lytics.scan import is_expired_cursor, observations_of_page, page_from
from usher.settings import Settings, settings_from
from usher.store.backup import backup
from usher.store.opening import open_sqlite
from usher.store.portable import checked
from usher.store.restoring import restore

FUZZ = settings.get_profile("fuzz")
VARIABLES = [f"USHER_{name.upper()}" for name in Settings.model_fields]
NOT_IN_ENVIRONMENTS = "\0"
environment_texts = st.text(st.characters(codec="utf-8", exclude_characters=NOT_IN_ENVIRONMENTS), max_size=60)


def problem_fields(refused: InvalidInput) -> list[str]:
    """Return which fields it names; each says what would mend it."""
    found = [problem.field for problem in refused.problems if problem.mend]
    return found if found and len(found) == len(refused.problems) else ["(a problem without a mend)"]


@given(cursor=st.none() | texts | st.integers().map(str))
@example(cursor="9" * MOST_DIGITS)
@example(cursor="9" * 5_000)
@example(cursor="\u0661\u0662")
@example(cursor="-1")
@example(cursor="1_0")
@FUZZ
def test_a_cursor_of_ours_is_a_number_that_every_database_holds_or_is_refused(cursor: str | None) -> None:
    number, fields = 0, ["cursor"]
    try:
        number = number_in(cursor) or 0
    except InvalidInput as refused:
        fields = problem_fields(refused)
    assert fields == ["cursor"]
    assert 0 <= number < 2**63


@given(envelope=st.dictionaries(st.sampled_from(["data", "_next", "next", "total", "status"]) | texts, values))
@example(envelope={"data": [{}], "_next": "\0"})
@example(envelope={"data": [{}], "_next": ["x"]})
@example(envelope={"data": [{}], "_next": None, "next": "x"})
@example(envelope={"data": [{}], "_next": 0, "total": float("inf")})
@example(envelope={"data": [{}], "_next": False, "total": -1})
@FUZZ
def test_a_page_of_lytics_is_read_whole_or_refused_and_never_taken_for_an_empty_one(envelope: dict[str, Any]) -> None:
    try:
        page = page_from(envelope)
    except RemoteRejected:
        return
    assert len(page.profiles) == len(envelope["data"])
    assert page.next_cursor.isprintable()
    assert not (page.next_cursor and page.has_end_marker)
    assert page.total is None or page.total >= 0
    seen = observations_of_page(page, field="email", version=1, source=Source.RECONCILE)
    assert seen.without_identifier <= len(page.profiles)


@given(cursor=texts, words=texts, status=st.sampled_from([400, 404, 410, 500]))
@FUZZ
def test_without_a_cursor_none_can_have_expired(cursor: str, words: str, status: int) -> None:
    for kind in (RemoteRejected, RemoteMissing):
        error = kind(words, system="Lytics", status=status)
        is_expired = is_expired_cursor(error, cursor=cursor)
        assert isinstance(is_expired, bool)
        assert not (is_expired and not cursor)


@given(raw=st.dictionaries(st.sampled_from(KNOWN) | texts, values, max_size=8))
@example(raw={"segment_id": "a", "uid_field": "b", "group_id": "c", "reconcile_hours": float("nan")})
@example(raw={"segment_id": "a", "uid_field": "b", "group_id": "c", "reconcile_hours": 10**400})
@example(raw={"segment_id": "a", "uid_field": "b", "group_id": "c", "exit_brake_percent": float("nan")})
@example(raw={"segment_id": "a", "uid_field": "b", "group_id": "c", "exit_brake_people": True})
@example(raw={"segment_id": "a", "uid_field": "b", "group_id": "c", "identifier_type": ["email"]})
@FUZZ
def test_a_configuration_is_valid_or_every_problem_has_a_field_and_a_mend(raw: dict[str, Any]) -> None:
    fields: list[str] = []
    try:
        check_storable(read_config(raw))
    except InvalidInput as refused:
        fields = problem_fields(refused)
    assert all(field.startswith("config.") for field in fields)


def check_storable(config: JobConfig) -> None:
    for name in TEXTS:
        assert getattr(config, name).isprintable()
    assert 0 <= config.reconcile_hours <= 24 * 365
    assert 0 <= config.exit_brake_percent <= 100
    json.dumps({name: getattr(config, name) for name in KNOWN}, allow_nan=False).encode()


@given(environ=st.dictionaries(st.sampled_from(VARIABLES) | texts.map("USHER_{}".format), environment_texts))
@example(environ={"USHER_SEND_ROOM_SECONDS": "nan"})
@example(environ={"USHER_REQUEST_TIMEOUT_SECONDS": "inf"})
@example(environ={"USHER_KEEP_LOGS_DAYS": "9" * 5_000})
@example(environ={"USHER_BASE_URL": "http://[::1"})
@example(environ={"USHER_BASE_URL": "https://a:99999"})
@example(environ={"USHER_DATABASE_URL": "postgresql://u:p@ss@h/d"})
@FUZZ
def test_an_environment_is_understood_or_every_problem_names_its_variable(environ: dict[str, str]) -> None:
    hold_ms, fields = 1, ["USHER_"]
    try:
        hold_ms = settings_from(environ).timing.hold_ms
    except InvalidInput as refused:
        fields = problem_fields(refused)
    assert 0 < hold_ms < 10_000_000
    assert all(field.startswith("USHER_") for field in fields)


@pytest.mark.parametrize("depth", [1, 60, 300, 900, 1_000, 1_100, 100_000])
@pytest.mark.parametrize("shape", ["lists", "objects"])
def test_json_of_any_depth_is_read_or_is_not_json(depth: int, shape: str) -> None:
    body = b"[" * depth + b"]" * depth if shape == "lists" else b'{"a":' * depth + b"1" + b"}" * depth
    try:
        tolerant.decode(body)
    except tolerant.NotJsonError:
        assert depth > 300


@given(body=st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
@FUZZ
def test_what_the_tolerant_reader_lets_through_can_be_stored(body: bytes) -> None:
    try:
        value = tolerant.decode(body)
    except tolerant.NotJsonError:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("name", sorted(RAW_ITEMS))
def test_what_no_writer_should_write_is_read_storably_or_not_at_all(name: str) -> None:
    test_what_the_tolerant_reader_lets_through_can_be_stored.hypothesis.inner_test(RAW_ITEMS[name])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sound_backup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("store")
    store = open_sqlite(folder, clock=ManualClock())
    asyncio.run(store.close())
    return backup(folder / "backup.db", folder, clock=ManualClock()).path.read_bytes()


def refusal(path: Path) -> UsherError | None:
    try:
        checked(path, path=path)
    except (Conflict, Unavailable) as error:
        return error
    return None


@given(data=st.data())
@settings(FUZZ, max_examples=max(10, FUZZ.max_examples // 3))
def test_a_backup_that_was_damaged_anywhere_is_refused_by_name_or_still_whole(
    data: st.DataObject, sound_backup: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = data.draw(st.integers(0, 200) | st.integers(0, len(sound_backup) - 1))
    put = data.draw(st.binary(min_size=1, max_size=64))
    path = tmp_path_factory.mktemp("damaged") / "backup.db"
    path.write_bytes(sound_backup[:at] + put + sound_backup[at + len(put) :])
    refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 0.9999])
def test_a_backup_that_ends_too_soon_is_refused(sound_backup: bytes, tmp_path: Path, share: float) -> None:
    path = tmp_path / "backup.db"
    path.write_bytes(sound_backup[: int(share * len(sound_backup))])
    assert refusal(path) is not None


@pytest.mark.parametrize("content", [b"", b"\0" * 5_000, b"SQLite format 3\0" + b"\xff" * 5_000, b"PK\x03\x04"])
def test_a_file_that_is_no_backup_changes_nothing(content: bytes, tmp_path: Path) -> None:
    path, folder = tmp_path / "backup.db", tmp_path / "data"
    folder.mkdir()
    path.write_bytes(content)
    with pytest.raises((Conflict, Unavailable)):
        restore(path, folder, clock=ManualClock(), hold_ms=1_000)
    assert not [left for left in folder.iterdir() if left.suffix == ".db"]


@pytest.mark.parametrize("identifier", sorted(IDENTIFIERS))
def test_an_odd_identifier_in_a_configuration_is_text_or_a_problem(identifier: str) -> None:
    raw = {"segment_id": IDENTIFIERS[identifier], "uid_field": "email", "group_id": "1"}
    fields = ["config.segment_id"]
    try:
        check_storable(read_config(raw))
    except InvalidInput as refused:
        fields = problem_fields(refused)
    assert fields == ["config.segment_id"]


@given(value=scalars)
@FUZZ
def test_a_configuration_takes_no_scalar_for_what_it_is_not(value: object) -> None:
    raw = {"segment_id": "a", "uid_field": "b", "group_id": "c", "withbackfill": value}
    is_fine = value is None or isinstance(value, bool)
    try:
        read_config(raw)
    except InvalidInput:
        assert not is_fine
    else:
        assert is_fine
