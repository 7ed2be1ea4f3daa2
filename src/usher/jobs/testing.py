"""A test of an authorization: real calls that change nothing, and what they showed, in sentences."""

from dataclasses import dataclass, field

from usher.access.roles import Actor
from usher.errors import InvalidInput, RemoteError, RemoteUnknown, RemoteUnreachable
from usher.jobs.asking_lytics import MEND_REDACTED, sample_of
from usher.jobs.desk import Desk
from usher.jobs.vendors import MAPP
from usher.lytics.audiences import Audience, Field
from usher.lytics.client import LyticsClient
from usher.store.authorizations import Authorization, authorization_by_id, note_health
from usher.store.database import Txn
from usher.store.notes import add_audit

UNREACHABLE = (RemoteUnreachable, RemoteUnknown)


@dataclass(slots=True)
class TestReport:
    """
    What a test found.

    Args:
        is_healthy: the vendor answered and accepts the credentials.
        is_reached: it answered at all; where it did not, nothing is known of the credentials.
        findings: sentences, each with the next step where there is one; what keeps jobs from working comes first.
        groups: Mapp's groups, id to name; None where it showed none.
        audiences, fields: how many Lytics showed; None where it showed none.
        are_values_redacted: Lytics hides identifier values from this token; None where none could be looked at.
    """

    __test__ = False  # pytest takes every Test… for a test

    is_healthy: bool = False
    is_reached: bool = True
    findings: list[str] = field(default_factory=list)
    groups: dict[str, str] | None = None
    audiences: int | None = None
    fields: int | None = None
    are_values_redacted: bool | None = None


async def test_authorization(desk: Desk, actor: Actor, auth_id: str) -> TestReport:
    """
    Ask the vendor, note how healthy the authorization is, and say what was found. Safe to repeat.

    A vendor that cannot be reached leaves the noted health as it was: its silence says nothing about credentials.

    Raises:
        NotFound: there is no authorization by that id.
    """
    auth = await desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    report = TestReport()
    try:
        await (_ask_mapp if auth.provider == MAPP else _ask_lytics)(desk, auth, report)
        report.is_healthy = True
    except UNREACHABLE as error:
        report.is_reached = False
        report.findings.append(error.message)
    except (RemoteError, InvalidInput) as error:
        report.findings.append(error.message)

    def work(txn: Txn) -> None:
        if report.is_reached:
            note_health(txn, auth_id, is_healthy=report.is_healthy, note=_note(report))
        add_audit(txn, actor=actor.name, action="auth.test", what=auth_id, note=" ".join(report.findings))

    await desk.database.write(work)
    return report


test_authorization.__test__ = False  # type: ignore[attr-defined] # as above


def _note(report: TestReport) -> str:
    if report.are_values_redacted:
        return report.findings[0]
    return "" if report.is_healthy else report.findings[-1]


async def _ask_mapp(desk: Desk, auth: Authorization, report: TestReport) -> None:
    client = await desk.vendors.mapp(auth.id)
    await client.ping()
    report.findings.append("Mapp answers and accepts the Integration ID and the secret.")
    try:
        report.groups = await client.groups()
        report.findings.append(f"Mapp lists {len(report.groups):,} groups.")
    except UNREACHABLE:
        raise
    except RemoteError as error:
        report.findings.append(f"Mapp lists no groups, so Group IDs cannot be checked: {error.message}")
    if auth.config.get("rest_api_url"):
        await client.check_rest()
        report.findings.append("Mapp's REST API accepts the user and the password.")


async def _ask_lytics(desk: Desk, auth: Authorization, report: TestReport) -> None:
    client = await desk.vendors.lytics(auth.id)
    fields = await client.fields()
    report.fields = len(fields)
    identity = [one.name for one in fields if one.is_identifier]
    report.findings.append(
        f"Lytics answers and shows {len(fields):,} fields, {len(identity):,} of them identity fields."
    )
    audiences = await client.audiences()
    report.audiences = len(audiences)
    report.findings.append(f"Lytics shows {len(audiences):,} audiences.")
    await _look_at_values(client, fields, audiences, report)


async def _look_at_values(
    client: LyticsClient, fields: list[Field], audiences: list[Audience], report: TestReport
) -> None:
    """Look whether personal values come in the clear: an identity field of people in some audience will show it."""
    best = sorted((one for one in fields if one.is_identifier), key=lambda one: (not one.is_pii, one.name != "email"))
    peopled = [audience for audience in audiences if audience.is_valid and audience.size]
    if not best or not peopled:
        report.findings.append("There is no audience with people in it to look at identifier values.")
        return
    try:
        values = await client.identifier_sample(peopled[0].id, field=best[0].name)
    except UNREACHABLE:
        raise
    except RemoteError as error:
        report.findings.append(f"This token may not read people, so Existing Users cannot work: {error.message}")
        return
    sample = sample_of(values, page_seconds=0.0)
    if not sample.members:
        report.findings.append(f"Nobody looked at has a value in {best[0].name!r}.")
        return
    report.are_values_redacted = sample.is_redacted
    if report.are_values_redacted:
        said = f"The values of {best[0].name!r} look redacted, so nobody would be found in Mapp. {MEND_REDACTED}"
        report.findings.insert(0, said)
    else:
        report.findings.append(f"The values of {best[0].name!r} come in the clear.")
