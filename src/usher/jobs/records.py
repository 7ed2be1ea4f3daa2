"""What is kept for admins to look at: messages that made no sense, and who did what."""

from dataclasses import dataclass, field

from usher.access.roles import Actor
from usher.domain.notes import AuditEntry, KeptUnreadable
from usher.errors import NotFound
from usher.jobs.desk import Desk
from usher.jobs.paging import is_number, number_in, paged
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.store import notes
from usher.store.database import Txn
from usher.vault import Vault, VaultLocked

UNREADABLE_PAGE = 50  # with up to 16 KiB each
AUDIT_PAGE = 200


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """
    A message, or one item of it, that made no sense.

    Args:
        job_id: the job that counted it; None where it belongs to none.
        body: its beginning, with U+FFFD for what is not UTF-8, blank where an earlier entry of the same message has it
            or too much of that message made no sense to be kept; None where its key is missing.
            It may name a person, so never log it.
    """

    id: int
    at_ms: int
    reason: str
    auth_id: str
    job_id: str | None
    body_bytes: int
    body: str | None = field(repr=False)


async def page_of_unreadable(
    desk: Desk, actor: Actor, cursor: str | None = None
) -> tuple[list[UnreadableMessage], str | None]:
    """
    Return up to 50 unreadable messages, newest first, and the cursor of the next page. The look is audited.

    Raises:
        InvalidInput: the cursor is none of ours.
    """
    before = number_in(cursor)

    def work(txn: Txn) -> list[KeptUnreadable]:
        notes.add_audit(txn, actor=actor.name, action="unreadable.read", what="unreadable", note=cursor or "")
        return notes.page_of_unreadable(txn, before=before, limit=UNREADABLE_PAGE + 1)

    found, following = paged(await desk.database.write(work), size=UNREADABLE_PAGE, number=lambda kept: kept.id)
    return [_opened(kept, vault=desk.vault) for kept in found], following


async def show_unreadable(desk: Desk, actor: Actor, entry_id: str) -> UnreadableMessage:
    """
    Return one unreadable message. The look is audited.

    Raises:
        NotFound: there is none, or no longer.
    """

    def work(txn: Txn) -> KeptUnreadable | None:
        notes.add_audit(txn, actor=actor.name, action="unreadable.read", what=entry_id[:64])
        return notes.unreadable_by_id(txn, int(entry_id)) if is_number(entry_id) else None

    kept = await desk.database.write(work)
    if kept is None:
        raise NotFound(f"There is no unreadable message {entry_id[:64]!r}. List them with `usher unreadable list`.")
    return _opened(kept, vault=desk.vault)


async def page_of_audit(desk: Desk, cursor: str | None = None) -> tuple[list[AuditEntry], str | None]:
    """
    Return up to 200 entries of the audit trail, newest first, and the cursor of the next page.

    Raises:
        InvalidInput: the cursor is none of ours.
    """
    before = number_in(cursor)
    found = await desk.database.read(lambda txn: notes.page_of_audit(txn, before=before, limit=AUDIT_PAGE + 1))
    return paged(found, size=AUDIT_PAGE, number=lambda entry: entry.id)


def _opened(kept: KeptUnreadable, *, vault: Vault) -> UnreadableMessage:
    try:
        body = vault.open(kept.body_sealed.decode(), place=UNREADABLE_PLACE).decode(errors="replace")
    except VaultLocked:
        body = None
    return UnreadableMessage(
        id=kept.id,
        at_ms=kept.at_ms,
        reason=kept.reason,
        auth_id=kept.auth_id,
        job_id=kept.job_id,
        body_bytes=kept.body_bytes,
        body=body,
    )
