"""
What can be done with a job, in which words and in which order: for the list and for its own page alike. Pure.

What is possible is usher.jobs.offers' to say; here are only the words, and what helps first.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.jobs.offers import Offer


class Step(NamedTuple):
    """
    What somebody can do about a job.

    Args:
        is_change: a form that is sent; else a link to a page.
        needs: the lowest role that may.
        is_end: the job ends with it.
    """

    word: str
    path: str
    icon: str = ""
    is_change: bool = False
    needs: Role = Role.OPERATOR
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """
    Everything that fits a job; no step stands twice.

    Args:
        helping: what a job that stands still needs, or whoever waits in it; the best first.
        usual: what may be done at any time.
        further: the rest, the harmless first; whatever ends or repeats much asks on its own page.
    """

    helping: list[Step]
    usual: list[Step]
    further: list[Step]

    @property
    def first(self) -> Step:
        """The one that helps most."""
        return self._all[0]

    @property
    def others(self) -> list[Step]:
        return self._all[1:]

    @property
    def _all(self) -> list[Step]:
        return [*self.helping, *self.usual, *self.further]


USUAL = (Offer.PAUSE, Offer.RECONCILE)
FURTHER = (Offer.EDIT, Offer.CLONE, Offer.RETRY, Offer.RESEND, Offer.KILL, Offer.DELETE)
SECRETS = {Cause.MAPP_CREDENTIALS: "mapp", Cause.MAPP_INTEGRATION: "mapp", Cause.LYTICS_CREDENTIALS: "lytics"}


def steps_of(job_id: str, status: Status, cause: Cause, offers: AbstractSet[Offer], *, mapp: str, lytics: str) -> Steps:
    """
    Return the steps that fit a job.

    Args:
        offers: what is possible with it.
        mapp, lytics: the ids of its authorizations.
    """
    at = f"/jobs/{job_id}"
    steps, helps = _worded(at, status, cause), _helping(cause, offers)
    fixing = _fixing(at, cause, {"mapp": mapp, "lytics": lytics}) if status is Status.FAULT else []
    looking = [Step("See who waits", f"{at}/people?state=held", needs=Role.VIEWER)] if Offer.DECIDE in offers else []
    further = [steps[offer] for offer in FURTHER if offer in offers and offer not in helps]
    return Steps(
        helping=[*fixing, *(steps[offer] for offer in helps), *looking],
        usual=[steps[offer] for offer in USUAL if offer in offers],
        further=[Step("See people", f"{at}/people", needs=Role.VIEWER), *further],
    )


def _helping(cause: Cause, offers: AbstractSet[Offer]) -> list[Offer]:
    """A decision comes before a resume: it leaves the pause as it is, and no resume makes it."""
    is_lost = cause is Cause.AUDIENCE or Offer.EDIT not in offers
    helps = {
        Offer.DECIDE: True,
        Offer.START: True,
        Offer.RESUME: True,
        Offer.CLONE: is_lost,
        Offer.BOUNCE: True,
        Offer.EDIT: Offer.START in offers,
    }
    return [offer for offer, does_help in helps.items() if does_help and offer in offers]


def _fixing(at: str, cause: Cause, auths: dict[str, str]) -> list[Step]:
    if cause in SECRETS:
        return [Step("Enter the new secret", f"/authorizations/{auths[SECRETS[cause]]}", needs=Role.ADMIN)]
    return [Step("See who is set aside", f"{at}#aside", needs=Role.VIEWER)] if cause is Cause.REJECTIONS else []


def _worded(at: str, status: Status, cause: Cause) -> dict[Offer, Step]:
    return {
        Offer.DECIDE: Step("Decide", f"{at}/removals", "hand"),
        Offer.START: Step("Start Export", f"{at}/resume", "play", is_change=True),
        Offer.RESUME: Step("Resume", f"{at}/resume", "play", is_change=True),
        Offer.BOUNCE: _restart(at, status, cause),
        Offer.PAUSE: Step("Pause", f"{at}/pause", "pause", is_change=True),
        Offer.RECONCILE: Step("Compare now", f"{at}/reconcile", "refresh-cw", is_change=True),
        Offer.EDIT: Step("Edit", f"{at}/edit"),
        Offer.CLONE: Step("Duplicate", f"{at}/clone"),
        Offer.RETRY: Step("Retry everybody set aside", f"{at}/ask/retry"),
        Offer.RESEND: Step("Tell everybody again", f"{at}/ask/resend"),
        Offer.KILL: Step("Terminate", f"{at}/ask/kill", is_end=True),
        Offer.DELETE: Step("Delete", f"{at}/ask/delete", is_end=True),
    }


def _restart(at: str, status: Status, cause: Cause) -> Step:
    if status is Status.COMPLETED:
        return Step("Restart", f"{at}/ask/bounce", "rotate-cw")
    is_tested = status is Status.FAULT and cause is not Cause.REJECTIONS
    word = "Try now" if status is Status.SLEEPING else "Test again" if is_tested else "Restart"
    return Step(word, f"{at}/bounce", "rotate-cw", is_change=True)
