"""What Mapp is asked before a job may write to it, and what its answers mean for the job."""

from dataclasses import dataclass, field

from usher.domain.job import JobConfig
from usher.errors import InvalidInput, NotFound, Problem, RemoteError, RemoteMissing, RemoteRejected
from usher.jobs.desk import Desk
from usher.jobs.findings import Findings
from usher.mapp.client import MappClient
from usher.mapp.wire import value_held
from usher.store.authorizations import Authorization

UNLISTED_GROUP = "unlisted_group"  # code of the problem that a person who is sure may set aside
MOST_READ_BACK = 3  # people; each is a request that somebody waits for


@dataclass(slots=True)
class MappSeen:
    """*ping_seconds* is how long Mapp took to answer, or None where it did not."""

    client: MappClient | None = None
    ping_seconds: float | None = None
    findings: Findings = field(default_factory=Findings)


async def ask_mapp(desk: Desk, auth: Authorization, *, group_id: str, may_be_unlisted: bool) -> MappSeen:
    """Ping Mapp and look for the group; "" asks for no group. Never raises for what a vendor does."""
    seen = MappSeen()
    try:
        client = await desk.vendors.mapp(auth.id)
        began = desk.clock.monotonic()
        await client.ping()
        seen.client, seen.ping_seconds = client, desk.clock.monotonic() - began
        if group_id:
            await _look_for_group(client, group_id, seen.findings, may_be_unlisted=may_be_unlisted)
    except (RemoteError, InvalidInput, NotFound) as error:
        mend = f"Change the authorization {auth.label!r}."
        seen.findings.take_error(error, field="auth_ids", system="Mapp", mend=mend)
    return seen


async def _look_for_group(client: MappClient, group_id: str, findings: Findings, *, may_be_unlisted: bool) -> None:
    try:
        groups = await client.groups()
    except (RemoteMissing, RemoteRejected) as error:
        findings.warnings.append(f"The Group ID {group_id} could not be checked: {error.message}")
        return
    if group_id in groups:
        return
    if may_be_unlisted:
        findings.warnings.append(
            f"The Group ID {group_id} is not in Mapp's list of groups. The list may be incomplete;"
            " look it up in Mapp, because people sent to a wrong group are lost without a word."
        )
    else:
        mend = "See `usher group list`; it may be incomplete, so if you are sure, set allow_unlisted_group to true."
        findings.problems.append(Problem("config.group_id", "is not in Mapp's list of groups.", mend, UNLISTED_GROUP))


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Of *asked* people: how many are members of the group, and how many of them hold the attribute."""

    asked: int = 0
    members: int = 0
    holding: int = 0


async def read_back(client: MappClient, config: JobConfig, *, slug: str, members: tuple[str, ...]) -> ReadBack:
    """Look up a few people's attributes in the group; nothing where Mapp does not let us. E-mail addresses only."""
    asked = inside = holding = 0
    if config.identifier_type != "email":
        return ReadBack()
    target = config.target(audience_slug=slug)
    for member in members[:MOST_READ_BACK]:
        try:
            held = await client.read_back(config.group_id, member)
        except (RemoteError, InvalidInput):
            break
        asked += 1
        inside += held is not None
        holding += held is not None and value_held(held, target) is not None
    return ReadBack(asked, inside, holding)
