"""
How secrets are kept: sealed with AES-256-GCM under a ring of keys, each to the place it belongs to.

The ring's first key seals; the older ones only open what they sealed before a rotation.
The keys come from the environment, or from a file that only Usher's own user may read.
"""

import base64
import binascii
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from usher.errors import Conflict, InvalidInput, Problem, Unavailable

RandomBytes = Callable[[int], bytes]

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = "v1"
KEY_FILE_NAME: Final = "secret.key"
FEWEST_DIFFERENT: Final = 12  # of 32 random bytes about 30 differ; fewer than 12 never happens by chance

_MEND_KEY = "Make one with: openssl rand -base64 32"


class VaultLocked(Unavailable):
    """A secret cannot be opened: its key is missing, or it was changed; enter the secret again."""

    def __init__(self, message: str | None = None, *, key_id: str = "") -> None:
        super().__init__(message)
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Key:
    """One key of 32 bytes; *key_id* (12 hex digits) names it without telling anything about it."""

    secret: bytes = field(repr=False)
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError("A key has 32 bytes.")
        object.__setattr__(self, "key_id", self.derive("key id", length=6).hex())

    def derive(self, purpose: str, *, length: int = KEY_BYTES) -> bytes:
        """Return bytes that are always the same for one purpose and say nothing about any other's."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"usher {purpose}".encode()).derive(self.secret)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """
    The keys, the current one first; never empty.

    Args:
        file: where they are kept, or None where the environment holds them.
    """

    keys: tuple[Key, ...]
    file: Path | None = None

    @property
    def current(self) -> Key:
        return self.keys[0]


class Vault:
    """Seals and opens secrets; holds no state but the keys, so it may be shared and is safe to repeat."""

    def __init__(self, keys: KeyRing, *, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        self._current = keys.current.key_id
        self._ciphers = {key.key_id: AESGCM(key.derive("seal")) for key in keys.keys}
        self._random_bytes = random_bytes
        self._member_key = keys.current.derive("member fingerprint")

    @property
    def member_key(self) -> bytes:
        """The key for fingerprints of members in logs; a rotation changes it, and them."""
        return self._member_key

    def seal(self, plain: bytes, *, place: str) -> str:
        """
        Encrypt *plain* so that it opens at *place* alone (such as "authorization/<id>/secrets").

        Returns:
            version.key_id.base64url(nonce + ciphertext); ASCII, a different one each time.
        """
        nonce = self._random_bytes(NONCE_BYTES)
        packed = nonce + self._ciphers[self._current].encrypt(nonce, plain, _bound(self._current, place))
        return f"{VERSION}.{self._current}.{base64.urlsafe_b64encode(packed).rstrip(b'=').decode()}"

    def open(self, sealed: str, *, place: str) -> bytes:
        """
        Decrypt what *seal* made for the same *place*.

        Raises:
            VaultLocked: the key is missing (put it back), or *sealed* was changed or moved (enter it again).
        """
        key_id, packed = _taken_apart(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultLocked(
                f"The key {key_id} is missing, which a saved secret was sealed with. Put it back as one more "
                "line of the key file (or of USHER_SECRET_KEY), or enter the secret again.",
                key_id=key_id,
            )
        try:
            return cipher.decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], _bound(key_id, place))
        except (InvalidTag, ValueError):
            raise _changed(key_id) from None

    def is_current(self, sealed: str) -> bool:
        """Whether *sealed* was sealed with the current key; if not, open it and seal it again."""
        return sealed.startswith(f"{VERSION}.{self._current}.")


def load_or_create_key_ring(
    *, secret_key: SecretStr, secret_key_file: Path | None, data_dir: Path, random_bytes: RandomBytes
) -> KeyRing:
    """
    Find the keys: in USHER_SECRET_KEY, else in USHER_SECRET_KEY_FILE, else in the data folder.

    Only the data folder's own file is made where it is missing (mode 0600): a misspelt path must not
    quietly become a new key that opens nothing. Several processes may start at once; one makes the file.

    Raises:
        InvalidInput: both variables are set, a key is weak or malformed, a file is missing or open to others.
    """
    text = secret_key.get_secret_value().strip()
    if text and secret_key_file is not None:
        raise _refused("USHER_SECRET_KEY", "is set beside USHER_SECRET_KEY_FILE.", "Unset one of the two.")
    if text:
        return KeyRing(_parsed(text, variable="USHER_SECRET_KEY"))
    if secret_key_file is not None:
        return _read(secret_key_file, variable="USHER_SECRET_KEY_FILE")
    return _read_or_create(data_dir / KEY_FILE_NAME, random_bytes=random_bytes)


def rotated(ring: KeyRing, *, random_bytes: RandomBytes) -> KeyRing:
    """
    Put a new key in front and return the new ring; the older keys stay and go on opening.

    Starts from what the file holds now, so two rotations at once lose nothing. Each call adds a key.

    Raises:
        Conflict: the keys are not Usher's to write (the environment, a read-only file); change them there.
    """
    with _changing(ring) as (file, keys):
        longer = (Key(random_bytes(KEY_BYTES)), *keys)
        _write(file, longer)
    return KeyRing(longer, file)


def may_be_read(mode: int, *, owner: int, user: int) -> bool:
    """
    Whether a key file is closed enough: to all but its owner, who is *user* or root.

    Root's file may be readable by the group, which is how container platforms hand secrets over.
    """
    forbidden = 0o077 if owner == user else 0o027
    return owner in {user, 0} and not mode & forbidden


def _bound(key_id: str, place: str) -> bytes:
    return f"{VERSION}\0{key_id}\0{place}".encode()


def _taken_apart(sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(".")
    key_id, _, packed = rest.partition(".")
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _changed(key_id) from None
    if version != VERSION:
        raise _changed(key_id)
    return key_id, raw


def _changed(key_id: str) -> VaultLocked:
    return VaultLocked(
        "A saved secret does not open: it was changed, or moved from where it belongs. Enter it again.",
        key_id=key_id,
    )


def _refused(variable: str, problem: str, mend: str) -> InvalidInput:
    return InvalidInput(Problem(variable, problem, mend))


def _parsed(text: str, *, variable: str) -> tuple[Key, ...]:
    """One key a line, or separated by commas; the first is current."""
    keys = dict.fromkeys(_parsed_key(line, variable=variable) for line in text.replace(",", " ").split())
    if not keys:
        raise _refused(variable, "holds no key.", _MEND_KEY)
    return tuple(keys)


def _parsed_key(text: str, *, variable: str) -> Key:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        secret = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise _refused(variable, "holds something that is not base64 of 32 bytes.", _MEND_KEY)
    if not _looks_random(secret):
        raise _refused(variable, "holds a key that is easy to guess.", _MEND_KEY)
    return Key(secret)


def _looks_random(secret: bytes) -> bool:
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    return len(set(secret)) >= FEWEST_DIFFERENT and len(steps) >= FEWEST_DIFFERENT


@contextmanager
def _changing(ring: KeyRing) -> Iterator[tuple[Path, tuple[Key, ...]]]:
    if ring.file is None:
        raise Conflict("The keys are in USHER_SECRET_KEY: put a new one first there, then run `usher key reseal`.")
    file = ring.file.resolve()
    try:
        with _held(file.parent):
            yield file, _read(file, variable="USHER_SECRET_KEY_FILE").keys
    except OSError as error:
        raise Conflict(f"{file} cannot be written ({error.strerror}): change it where it comes from.") from error


def _read(file: Path, *, variable: str) -> KeyRing:
    try:
        with file.open(encoding="ascii") as opened:
            status = os.fstat(opened.fileno())
            if not may_be_read(status.st_mode, owner=status.st_uid, user=os.geteuid()):
                raise _refused(variable, f"names {file}, which others may read.", f"Run: chmod 600 {file}")
            return KeyRing(_parsed(opened.read(), variable=variable), file)
    except (OSError, UnicodeDecodeError):
        raise _refused(variable, f"names {file}, which cannot be read.", "Check the path and its owner.") from None


def _read_or_create(file: Path, *, random_bytes: RandomBytes) -> KeyRing:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _held(file.parent):
        if not file.exists():
            _write(file, (Key(random_bytes(KEY_BYTES)),))
    return _read(file, variable="USHER_DATA_DIR")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Let one process at a time change the keys in *folder*; the lock ends with the process."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
        os.fsync(opened)
    finally:
        os.close(opened)


def _write(file: Path, keys: tuple[Key, ...]) -> None:
    """Replace *file* whole: whoever reads it, even after a power cut, sees the old keys or the new."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as out:
        out.writelines(base64.b64encode(key.secret) + b"\n" for key in keys)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
