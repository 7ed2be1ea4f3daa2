"""Secrets open where they were sealed, with the key that sealed them, and nowhere else."""

import base64
import os
import stat
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from usher.errors import Conflict, InvalidInput, Unavailable
from usher.vault import (
    KEY_FILE_NAME,
    Key,
    KeyRing,
    Vault,
    VaultLocked,
    load_or_create_key_ring,
    may_be_read,
    rotated,
)

PLACE = "authorization/7/secrets"
OLD, NEW = Key(bytes(range(32))), Key(bytes(range(32, 64)))


def counted() -> Callable[[int], bytes]:
    """Bytes that look random, differ on every call, and are the same in every run."""
    calls = count(1)

    def draw(length: int) -> bytes:
        return Key(next(calls).to_bytes(32, "big")).derive("test", length=length)

    return draw


def some_bytes(count: int) -> bytes:
    """Bytes that look random and are the same in every process, as a test's name must be."""
    return Random(count).randbytes(count)


def a_ring_in(folder: Path, *, random_bytes: Callable[[int], bytes] = os.urandom) -> KeyRing:
    return load_or_create_key_ring(
        secret_key=SecretStr(""), secret_key_file=None, data_dir=folder, random_bytes=random_bytes
    )


def a_ring_of(text: str) -> KeyRing:
    return load_or_create_key_ring(
        secret_key=SecretStr(text), secret_key_file=None, data_dir=Path("/nowhere"), random_bytes=os.urandom
    )


def encoded(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


# Sealing


@given(plain=st.binary(max_size=300), place=st.text(max_size=40))
def test_what_was_sealed_opens_at_its_place(plain: bytes, place: str) -> None:
    vault = Vault(KeyRing((NEW,)))

    assert vault.open(vault.seal(plain, place=place), place=place) == plain


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    vault = Vault(KeyRing((NEW,)))

    assert len({vault.seal(b"s", place=PLACE) for _ in range(50)}) == 50


def test_a_sealed_secret_says_its_version_and_key_and_not_itself() -> None:
    sealed = Vault(KeyRing((NEW,))).seal(b"hunter2-hunter2", place=PLACE)

    version, key_id, packed = sealed.split(".")
    assert (version, key_id) == ("v1", NEW.key_id)
    assert len(base64.urlsafe_b64decode(packed + "==")) == 12 + 15 + 16
    assert b"hunter2" not in base64.urlsafe_b64decode(packed + "==")


def test_a_secret_moved_to_another_place_does_not_open() -> None:
    vault = Vault(KeyRing((NEW,)))
    sealed = vault.seal(b"s", place="authorization/1/secrets")

    with pytest.raises(VaultLocked, match="moved"):
        vault.open(sealed, place="authorization/2/secrets")


def test_a_secret_relabelled_with_another_key_of_the_ring_does_not_open() -> None:
    vault = Vault(KeyRing((NEW, OLD)))
    sealed = vault.seal(b"s", place=PLACE)

    with pytest.raises(VaultLocked):
        vault.open(sealed.replace(NEW.key_id, OLD.key_id), place=PLACE)


def test_no_changed_byte_goes_unnoticed() -> None:
    vault = Vault(KeyRing((NEW,)))
    head, _, packed = vault.seal(b"secret", place=PLACE).rpartition(".")
    raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))

    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(VaultLocked):
            vault.open(f"{head}.{base64.urlsafe_b64encode(changed).decode()}", place=PLACE)


@pytest.mark.parametrize(
    "sealed",
    ["", "v1", "v1.", "v1..", f"v1.{NEW.key_id}.", f"v1.{NEW.key_id}.AAAA", f"v2.{NEW.key_id}.{'A' * 60}",
     f"v1.{NEW.key_id}.{'A' * 60}", f"v1.{NEW.key_id}.***", f"v1.{NEW.key_id}.é", "a" * 1000, "v1.x.y.z"],
)  # fmt: skip
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(VaultLocked):
        Vault(KeyRing((NEW,))).open(sealed, place=PLACE)


def test_what_a_later_version_sealed_does_not_open() -> None:
    vault = Vault(KeyRing((NEW,)))

    with pytest.raises(VaultLocked):
        vault.open(vault.seal(b"s", place=PLACE).replace("v1.", "v2."), place=PLACE)


def test_what_the_first_release_sealed_opens_for_ever() -> None:
    sealed = "v1.d09cc0c36889.AAAAAAAAAAAAAAAAUwXeXDErhNe1AD075_PjGqS6Zv2Xcdes__5twjU"

    assert Vault(KeyRing((OLD,))).open(sealed, place=PLACE) == b"first release"
    assert Vault(KeyRing((OLD,)), random_bytes=bytes).seal(b"first release", place=PLACE) == sealed


def test_a_missing_key_is_named_with_what_to_do() -> None:
    sealed = Vault(KeyRing((OLD,))).seal(b"s", place=PLACE)

    with pytest.raises(VaultLocked, match=rf"{OLD.key_id} is missing.*Put it back") as failure:
        Vault(KeyRing((NEW,))).open(sealed, place=PLACE)

    assert failure.value.key_id == OLD.key_id
    assert isinstance(failure.value, Unavailable)


def test_an_older_key_still_opens_and_the_current_one_seals() -> None:
    before = Vault(KeyRing((OLD,))).seal(b"s", place=PLACE)
    vault = Vault(KeyRing((NEW, OLD)))
    after = vault.seal(vault.open(before, place=PLACE), place=PLACE)

    assert (vault.is_current(before), vault.is_current(after)) == (False, True)
    assert Vault(KeyRing((NEW,))).open(after, place=PLACE) == b"s"


def test_the_key_for_fingerprints_is_none_of_the_others() -> None:
    vault = Vault(KeyRing((NEW, OLD)))

    assert vault.member_key == Vault(KeyRing((NEW,))).member_key
    assert len({vault.member_key, Vault(KeyRing((OLD,))).member_key, NEW.secret, NEW.derive("seal")}) == 4


def test_nothing_prints_a_key() -> None:
    ring = KeyRing((NEW, OLD))
    printed = f"{NEW!r} {NEW} {ring!r} {Vault(ring)!r} {vars(Vault(ring)).keys()}"

    for secret in (NEW.secret, OLD.secret):
        assert not any(form in printed for form in (repr(secret)[2:-1], secret.hex(), encoded(secret)))


# Finding the keys


def test_the_first_start_makes_a_key_that_only_its_owner_may_read(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        ring = a_ring_in(tmp_path / "new" / "data")
    finally:
        os.umask(old_mask)

    file = tmp_path / "new" / "data" / KEY_FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == [KEY_FILE_NAME]
    assert file.read_text() == encoded(ring.current.secret) + "\n"


def test_the_next_start_finds_the_same_key(tmp_path: Path) -> None:
    assert a_ring_in(tmp_path) == a_ring_in(tmp_path)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    rings: list[KeyRing] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        rings.append(a_ring_in(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(rings) == 8
    assert len({ring.current.key_id for ring in rings}) == 1


@pytest.mark.parametrize("between", ["\n", ",", " ", "\r\n"])
def test_the_environment_may_hold_several_keys_the_first_is_current(between: str) -> None:
    first, second = os.urandom(32), os.urandom(32)
    ring = a_ring_of(between.join([encoded(first), encoded(second), encoded(first)]))

    assert [key.secret for key in ring.keys] == [first, second]


def test_a_key_may_be_written_in_either_base64_with_or_without_its_padding() -> None:
    secret = bytes.fromhex("fbefbe" * 4) + os.urandom(20)  # "+" and "/" in plain base64
    for text in (encoded(secret), base64.urlsafe_b64encode(secret).decode(), encoded(secret).rstrip("=")):
        assert a_ring_of(text).current.secret == secret


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("changeme", "base64 of 32 bytes"),
        (encoded(some_bytes(16)), "base64 of 32 bytes"),
        (encoded(some_bytes(33)), "base64 of 32 bytes"),
        (some_bytes(32).hex(), "base64 of 32 bytes"),
        ("é" * 43, "base64 of 32 bytes"),
        (encoded(bytes(32)), "easy to guess"),
        (encoded(b"0123456789" * 3 + b"01"), "easy to guess"),
        (encoded(bytes(range(32))), "easy to guess"),
        (encoded(b"31415926535897932384626433832795"), "easy to guess"),
        (f"{encoded(some_bytes(32))},short", "base64 of 32 bytes"),
        (",", "no key"),
    ],
)
def test_a_weak_key_is_refused_with_the_mend_and_not_repeated(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=rf"USHER_SECRET_KEY: .*{says}.*openssl rand") as failure:
        a_ring_of(text)

    assert text == "," or text not in str(failure.value)


def test_good_keys_are_never_taken_for_weak_ones() -> None:
    draw = counted()

    for _ in range(2000):
        secret = draw(32)
        assert a_ring_of(encoded(secret)).current.secret == secret


def test_a_key_in_two_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Unset one"):
        load_or_create_key_ring(
            secret_key=SecretStr(encoded(os.urandom(32))),
            secret_key_file=tmp_path / "key",
            data_dir=tmp_path,
            random_bytes=os.urandom,
        )


def test_a_named_file_that_is_missing_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="USHER_SECRET_KEY_FILE"):
        load_or_create_key_ring(
            secret_key=SecretStr(""),
            secret_key_file=tmp_path / "mispelt",
            data_dir=tmp_path,
            random_bytes=os.urandom,
        )

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    a_ring_in(tmp_path)
    (tmp_path / KEY_FILE_NAME).chmod(mode)

    with pytest.raises(InvalidInput, match="chmod 600"):
        a_ring_in(tmp_path)


@pytest.mark.parametrize(
    ("mode", "owner", "may"),
    [(0o600, 1000, True), (0o400, 1000, True), (0o640, 1000, False), (0o604, 1000, False), (0o640, 0, True),
     (0o440, 0, True), (0o444, 0, False), (0o660, 0, False), (0o600, 1001, False)],
)  # fmt: skip
def test_only_ones_own_file_or_roots_is_believed(mode: int, owner: int, may: bool) -> None:
    assert may_be_read(mode | stat.S_IFREG, owner=owner, user=1000) is may


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", b"short\n"])
def test_a_spoilt_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / KEY_FILE_NAME
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(InvalidInput, match="USHER_DATA_DIR"):
        a_ring_in(tmp_path)

    assert file.read_bytes() == content


# Rotation


def test_a_rotation_puts_a_new_key_in_front_and_keeps_the_old(tmp_path: Path) -> None:
    first = a_ring_in(tmp_path)
    second = rotated(first, random_bytes=os.urandom)

    assert second.keys[1:] == first.keys
    assert second.current != first.current
    assert a_ring_in(tmp_path).keys == second.keys
    assert stat.S_IMODE((tmp_path / KEY_FILE_NAME).stat().st_mode) == 0o600


def test_a_rotation_from_an_outdated_ring_loses_no_key(tmp_path: Path) -> None:
    first = a_ring_in(tmp_path)
    second = rotated(first, random_bytes=os.urandom)
    third = rotated(first, random_bytes=os.urandom)

    assert third.keys[1:] == second.keys


def test_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    ring = a_ring_in(tmp_path)
    threads = [threading.Thread(target=rotated, args=(ring,), kwargs={"random_bytes": os.urandom}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(a_ring_in(tmp_path).keys) == 9


def test_a_crash_while_rotating_leaves_the_old_keys(tmp_path: Path) -> None:
    ring = a_ring_in(tmp_path)
    (tmp_path / f"{KEY_FILE_NAME}.new").write_text("half a ke")

    assert a_ring_in(tmp_path) == ring
    assert rotated(ring, random_bytes=os.urandom).keys[1:] == ring.keys
    assert [entry.name for entry in tmp_path.iterdir()] == [KEY_FILE_NAME]


def test_a_linked_key_file_is_rotated_where_it_lies(tmp_path: Path) -> None:
    a_ring_in(tmp_path / "real")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / KEY_FILE_NAME)
    ring = load_or_create_key_ring(
        secret_key=SecretStr(""), secret_key_file=link, data_dir=tmp_path, random_bytes=os.urandom
    )

    rotated(ring, random_bytes=os.urandom)

    assert link.is_symlink()
    assert len(a_ring_in(tmp_path / "real").keys) == 2


def test_keys_in_the_environment_are_changed_there() -> None:
    ring = a_ring_of(encoded(os.urandom(32)))

    with pytest.raises(Conflict, match="USHER_SECRET_KEY"):
        rotated(ring, random_bytes=os.urandom)


def test_the_random_source_that_was_passed_in_is_the_one_used(tmp_path: Path) -> None:
    ring = a_ring_in(tmp_path, random_bytes=counted())
    twin = Vault(ring, random_bytes=counted()).seal(b"s", place=PLACE)

    assert ring.current.secret == counted()(32)
    assert Vault(ring, random_bytes=counted()).seal(b"s", place=PLACE) == twin
