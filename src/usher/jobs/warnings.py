"""
What somebody should know before a job starts although nothing stands in its way; each with the next step.

What this very choice brings about is kept apart from what holds for most jobs, so that it can be told first.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from usher.domain.attribute import IdentifierType, Target
from usher.domain.configuration import MOST_BRAKE_PERCENT
from usher.domain.job import JobConfig
from usher.jobs.asking_lytics import Sample
from usher.jobs.asking_mapp import ReadBack
from usher.lytics.audiences import Audience, Field

IDENTIFIER_WORDS: dict[IdentifierType, str] = {
    "email": "E-mail address",
    "userID": "User ID",
    "mobileNumber": "Mobile number",
    "externalID": "External ID",
}
SOME = 0.5  # of a sample; a single odd value is nobody's mistake


@dataclass(frozen=True, slots=True)
class Known:
    """
    What is known of a job that may start.

    Args:
        unreached: why Lytics cannot send triggers here, in a sentence; "" where it can.
    """

    config: JobConfig
    target: Target
    key: str
    audience: Audience
    identifier: Field
    sample: Sample | None
    read_back: ReadBack
    unreached: str


def warnings_about(known: Known) -> list[str]:
    """Return what this choice brings about, the gravest first."""
    rules = (
        _creating,
        _people_outside_the_group,
        _not_identity,
        _without_identifier,
        _wrong_kind,
        _empty,
        _no_triggers,
        _unused_prefix,
        _unused_reconcile,
        _unused_lowercase,
        _no_brake,
    )
    return _applying(rules, known)


def advice_about(known: Known) -> list[str]:
    """Return what holds for most jobs, however they are chosen."""
    return _applying((_mapping, _signing_up), known)


def _applying(rules: Iterable[Callable[[Known], str]], known: Known) -> list[str]:
    return [said for rule in rules if (said := rule(known))]


def _mapping(known: Known) -> str:
    if known.target.prefix is not None or known.read_back.holding:
        return ""
    return (
        f"Usher cannot see whether Mapp Connect maps {known.key!r} to a member attribute of group"
        f" {known.target.group_id}. Look in Mapp: without the mapping it takes every person and drops the value."
        " If you add the mapping later, tell everybody again (resend)."
    )


def _people_outside_the_group(known: Known) -> str:
    missing = known.read_back.asked - known.read_back.members
    if not missing:
        return ""
    return (
        f"{missing} of {known.read_back.asked} people looked up in Mapp are not members of group"
        f" {known.target.group_id}. Check the Group ID; a member attribute needs a membership."
    )


def _creating(known: Known) -> str:
    if not known.config.create_users:
        return ""
    return (
        "Create contacts is on: Mapp makes a contact of everybody it does not know, and puts them into group"
        f" {known.target.group_id}. Make sure that these people agreed to that."
    )


def _signing_up(known: Known) -> str:
    if known.config.create_users:
        return ""
    return (
        "Usher asks Mapp not to sign anybody up. That Mapp keeps to that for people outside the group is inferred from"
        " its documentation: try one person first (Send this one only)."
    )


def _not_identity(known: Known) -> str:
    if known.identifier.is_identifier:
        return ""
    return (
        f"{known.identifier.name!r} is not an identity field in Lytics: several people may share a value, and"
        " then the newest change of any of them decides. Choose an identity field if there is one."
    )


def _without_identifier(known: Known) -> str:
    sample = known.sample
    if sample is None or not sample.without:
        return ""
    return (
        f"{sample.without} of the first {sample.profiles} people have nothing usable in"
        f" {known.identifier.name!r} and are left out. Choose a field that everybody has."
    )


def _wrong_kind(known: Known) -> str:
    sample = known.sample
    if known.config.identifier_type != "email" or sample is None or not sample.members:
        return ""
    odd = sum("@" not in member for member in sample.members)
    if odd < SOME * len(sample.members):
        return ""
    return (
        f"The values of {known.identifier.name!r} do not look like e-mail addresses, but go to Mapp as such."
        " Choose the identifier type that they are (User ID, Mobile number or External ID), or another field."
    )


def _empty(known: Known) -> str:
    if known.audience.size != 0:
        return ""
    return (
        "The audience is empty at the moment. Nobody is sent until somebody enters it; check that it is the right one."
    )


def _no_triggers(known: Known) -> str:
    if not known.unreached or known.config.backfill_only:
        return ""
    if known.config.reconcile_hours:
        return f"{known.unreached} Changes are noticed only by comparing, every {known.config.reconcile_hours:g} hours."
    return (
        f"{known.unreached} Nobody's entering or leaving would be noticed. Set USHER_BASE_URL,"
        " or compare every few hours (0.25 compares the whole audience every 15 minutes)."
    )


def _unused_prefix(known: Known) -> str:
    if not known.config.dynamic_attribute_prefix or known.config.enable_dynamic_attributes:
        return ""
    return (
        "The Dynamic Attribute Prefix is not used, because Enable Dynamic Attributes is off. Switch it on, or clear it."
    )


def _unused_reconcile(known: Known) -> str:
    if not (known.config.backfill_only and known.config.reconcile_hours):
        return ""
    return "Compare every (hours) is not used, because Backfill Only ends the job. Clear one of the two."


def _unused_lowercase(known: Known) -> str:
    if known.config.is_lowercasing or not known.config.lowercase_identifiers:
        return ""
    return (
        "Lower-case e-mail addresses is not used, because the identifier type is"
        f" {IDENTIFIER_WORDS[known.config.identifier_type]}. Switch it off, or choose the type E-mail address."
    )


def _no_brake(known: Known) -> str:
    can_hold = known.config.exit_brake and known.config.exit_brake_percent < MOST_BRAKE_PERCENT
    if can_hold or known.config.backfill_only:
        return ""
    return (
        "The exit brake is off: however many people Lytics reports as gone at once, all are set to false unasked."
        " Switch it on unless the audience empties by design."
    )
