"""
Where Lytics sends its triggers, and the tokens by which they are known to be Lytics'.

A new token leaves the old one valid for 7 days, so that webhooks made by hand can be changed in peace.
"""

from dataclasses import dataclass, field, replace

from usher.access.roles import Actor, Role, allows
from usher.domain.job import Job
from usher.errors import Forbidden, NotFound
from usher.jobs.desk import Desk
from usher.jobs.reach import trigger_url, why_unreached
from usher.jobs.sealing import open_trigger_token, seal_trigger_token
from usher.jobs.trigger_tokens import Tokens, hash_of
from usher.jobs.vendors import LYTICS
from usher.jobs.webhooks import renew
from usher.lytics.webhooks import BATCH_SIZE
from usher.store import authorizations as kept
from usher.store import jobs, notes
from usher.store.authorizations import TriggerToken
from usher.store.database import Txn

OLD_TOKEN_DAYS = 7
MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where triggers go, for an admin's eyes.

    Args:
        header: the whole header line, token and all.
        paste: what to enter in Lytics' webhook, by the names of its forms.
        notes: what should be known: why Lytics cannot reach it, which webhooks still present an older token.
    """

    url: str
    header: str = field(repr=False)
    paste: dict[str, object] = field(repr=False)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TokenLife:
    """One trigger token that is valid now, without the token; *ends_ms* is None for the newest."""

    created_ms: int
    ends_ms: int | None


async def trigger_endpoint(desk: Desk, actor: Actor, auth_id: str) -> Endpoint:
    """
    Show where Lytics sends triggers, and the newest token; the reading is audited.

    Raises:
        Forbidden: only admins may read the token.
        NotFound: there is no Lytics authorization by that id, or it has no token.
        Unavailable: the token cannot be opened; make a new one.
    """
    _need_admin(actor)

    def work(txn: Txn) -> TriggerToken:
        token = _newest(txn, auth_id)
        notes.add_audit(txn, actor=actor.name, action="auth.read_trigger_token", what=auth_id)
        return token

    token = await desk.database.write(work)
    return _endpoint(desk, auth_id, open_trigger_token(desk.vault, token))


async def new_trigger_token(desk: Desk, actor: Actor, auth_id: str) -> Endpoint:
    """
    Make a new token; the one before goes on for 7 days. Webhooks that Usher made are made anew with it.

    Raises:
        Forbidden: only admins may.
        NotFound: there is no Lytics authorization by that id.
    """
    _need_admin(actor)
    plain = desk.new_token()
    fresh = fresh_token(desk, auth_id, plain=plain)

    def work(txn: Txn) -> list[Job]:
        _need_lytics(txn, auth_id)
        ends_ms = txn.now_ms + OLD_TOKEN_DAYS * MS_PER_DAY
        kept.add_trigger_token(txn, replace(fresh, created_ms=_after_all(txn, auth_id)), older_expire_ms=ends_ms)
        notes.add_audit(txn, actor=actor.name, action="auth.new_trigger_token", what=auth_id)
        return [job for job in jobs.live_jobs(txn) if job.lytics_auth == auth_id and job.webhook.state == "made"]

    users = await desk.database.write(work)
    desk.trigger_tokens.forget(auth_id)
    renewed = [await renew(desk, job) for job in users]
    endpoint = _endpoint(desk, auth_id, plain)
    old = [f"The job {job.name!r}: {job.webhook.note}" for job in renewed if job.webhook.note]
    return replace(endpoint, notes=[*endpoint.notes, *old])


async def drop_old_trigger_tokens(desk: Desk, actor: Actor, auth_id: str) -> int:
    """
    End every token but the newest now; return how many ended. Safe to repeat.

    Raises:
        Forbidden: only admins may.
        NotFound: there is no Lytics authorization by that id.
    """
    _need_admin(actor)

    def work(txn: Txn) -> int:
        _need_lytics(txn, auth_id)
        ended = kept.drop_older_trigger_tokens(txn, auth_id)
        notes.add_audit(txn, actor=actor.name, action="auth.drop_trigger_tokens", what=auth_id, note=f"{ended} tokens")
        return ended

    ended = await desk.database.write(work)
    desk.trigger_tokens.forget(auth_id)
    return ended


async def trigger_token_lives(desk: Desk, auth_id: str) -> list[TokenLife]:
    """Return the tokens that Lytics may present now, newest first; none for an authorization that has none."""
    found = await desk.database.read(lambda txn: kept.trigger_tokens_of(txn, auth_id))
    return [TokenLife(token.created_ms, token.expires_ms) for token in found]


async def is_trigger_token(desk: Desk, auth_id: str, presented: str) -> bool:
    """
    Return whether *presented* is a valid trigger token of a Lytics authorization; False for an unknown id.

    The database is asked every few seconds for each id, and at most once a second for tokens that are not remembered.

    Raises:
        Unavailable: the database did not say; let Lytics send again.
    """
    cache, now = desk.trigger_tokens, desk.clock.monotonic()
    known = cache.get(auth_id, now=now)
    if known is not None and known.admits(presented, now_ms=desk.clock.now_ms()):
        return True
    if known is None or cache.may_ask_again(auth_id, now=now):
        known = await cache.ask(auth_id, lambda: _hashes(desk, auth_id), now=now)
    return known.admits(presented, now_ms=desk.clock.now_ms())


async def _hashes(desk: Desk, auth_id: str) -> Tokens:
    found = await desk.database.read(lambda txn: kept.trigger_tokens_of(txn, auth_id))
    return [(token.token_hash, token.expires_ms) for token in found]


def fresh_token(desk: Desk, auth_id: str, *, plain: str | None = None) -> TriggerToken:
    """Make a token to be stored; the time of its making is for the transaction to say."""
    token, token_id = plain or desk.new_token(), desk.new_id()
    sealed = seal_trigger_token(desk.vault, token, token_id=token_id)
    return TriggerToken(token_id, auth_id, hash_of(token), sealed, created_ms=0, expires_ms=None)


def _need_admin(actor: Actor) -> None:
    if not allows(actor.role, Role.ADMIN):
        raise Forbidden


def _need_lytics(txn: Txn, auth_id: str) -> None:
    if kept.authorization_by_id(txn, auth_id).provider != LYTICS:
        raise NotFound("Only a Lytics authorization has a trigger endpoint.")


def _newest(txn: Txn, auth_id: str) -> TriggerToken:
    _need_lytics(txn, auth_id)
    tokens = kept.trigger_tokens_of(txn, auth_id)
    if not tokens:
        raise NotFound("This authorization has no trigger token. Make a new one.")
    return tokens[0]


def _after_all(txn: Txn, auth_id: str) -> int:
    """The newest token is known by its time, so it must be the latest even where the clock was set back."""
    return max([txn.now_ms, *(token.created_ms + 1 for token in kept.trigger_tokens_of(txn, auth_id))])


def _endpoint(desk: Desk, auth_id: str, token: str) -> Endpoint:
    url, header = trigger_url(desk, auth_id), f"Authorization: Bearer {token}"
    unreached = why_unreached(desk)
    paste: dict[str, object] = {
        "webhook_url": url,
        "webhook_request_headers": header,
        "http_method": "POST",
        "batch_requests": True,
        "batch_size": BATCH_SIZE,
        "withbackfill": False,
    }
    return Endpoint(url, header, paste, [unreached] if unreached else [])
