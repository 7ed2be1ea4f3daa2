"""What the removal brake's page says of those who wait, and of the two ways on: one pure function from its state."""

from dataclasses import dataclass

from usher.domain.removal_brake import WINDOW_MS
from usher.jobs.removals import HeldScan, Removals
from usher.jobs.saying import about
from usher.store.brake import HeldExits

MINUTES = WINDOW_MS // 60_000


@dataclass(frozen=True, slots=True)
class RemovalsSaid:
    """
    Sentences about those whom the brake holds.

    Args:
        stopped: why it stopped, and that nothing is lost.
        if_kept: what follows from keeping them as they are.
        if_confirmed: what follows from setting them to false.
    """

    stopped: str
    if_kept: str
    if_confirmed: str


def removals_said(found: Removals) -> RemovalsSaid:
    """Return what there is to say of *found*, in which somebody waits."""
    return RemovalsSaid(
        stopped=" ".join([*_who_went(found), _why(found), *_exit_limit(found)]),
        if_kept=" ".join(filter(None, [_scan_kept(found.scan), _exits_kept(found.exits)])),
        if_confirmed=(
            f"Mapp is told “false” for each of them{_taking(found)}. Whoever enters again meanwhile stays true."
            " There is no way back but the audience: they turn true when they are in it again."
        ),
    )


def _who_went(found: Removals) -> list[str]:
    audience, said = found.job.audience_name, []
    if (exits := found.exits) is not None:
        said.append(f"{exits.left:,} of {exits.inside:,} people left {audience}: {exits.parts}.")
    if (scan := found.scan) is not None:
        said.append(f"A complete comparison did not find {scan.leaving:,} of {scan.inside:,} people in {audience}.")
    return said


def _why(found: Removals) -> str:
    are_some_told = found.exits is not None and found.exits.told
    sent = "Nothing" if are_some_told else "Nothing was sent for them, and nothing"
    return f"Usher stopped and asks, because a mistake in Lytics looks just like this. {sent} is lost by waiting."


def _exit_limit(found: Removals) -> list[str]:
    if found.exits is None:
        return []
    people, percent = found.exit_limits.people, found.exit_limits.percent
    return [f"It asks where more than {people:,} people, and more than {percent:g} %, leave within {MINUTES} minutes."]


def _scan_kept(scan: HeldScan | None) -> str:
    if scan is None:
        return ""
    one = scan.leaving == 1
    return (
        f"The {_who(scan.leaving)} whom the comparison did not find {'stays' if one else 'stay'} true in Mapp, until"
        " Lytics says that they left or a later comparison does not find them either."
    )


def _exits_kept(exits: HeldExits | None) -> str:
    if exits is None:
        return ""
    stay = "stays" if exits.waiting == 1 else "stay"
    said = f"The {_who(exits.waiting)} who left {stay} true, and Mapp is told so once more."
    if not exits.told:
        return said
    verb, them, return_ = ("stays", "this person", "enters") if exits.told == 1 else ("stay", "they", "enter")
    return f"{said} The {_who(exits.told)} of whom Mapp was told before {verb} false until {them} {return_} again."


def _who(count: int) -> str:
    return "one" if count == 1 else f"{count:,}"


def _taking(found: Removals) -> str:
    if not found.per_second:
        return ""
    pace = f"{found.per_second:,.1f}".removesuffix(".0")
    return f", which takes {about(found.count / found.per_second)} at {pace} a second"
