"""What a large step means, in sentences, with the number of people: shown before anybody takes it."""

from collections.abc import Callable
from dataclasses import dataclass

from usher.jobs.offers import Offer
from usher.jobs.standing import Standing
from usher.web.dashboard.words import duration, people


@dataclass(frozen=True, slots=True)
class Asking:
    """
    One question.

    Args:
        effects: what happens, each in a sentence.
        style: "danger" is kept for what ends a job; else "primary".
    """

    offer: Offer
    button: str
    title: Callable[[Standing], str]
    effects: Callable[[Standing], list[str]]
    style: str = "primary"
    icon: str = ""


def _ending(now: Standing) -> list[str]:
    said = ["Nothing more is sent to Mapp and nothing more is taken in from Lytics. This cannot be undone."]
    if now.progress.members["due"]:
        due = now.progress.members["due"]
        said.append(f"{people(due)} who {'waits' if due == 1 else 'wait'} to be sent never will be.")
    if now.job.webhook.state == "made":
        said.append("The webhook that Usher made in Lytics is removed.")
    said.append(f"Mapp keeps what it holds: {people(now.progress.members['in'])} of this audience stay true.")
    return said


def _killing(now: Standing) -> list[str]:
    return [*_ending(now), "The job, its log and its people can still be looked at. To export again, duplicate it."]


def _deleting(now: Standing) -> list[str]:
    known = people(now.progress.members["total"])
    return [*_ending(now), f"Usher forgets what it knows of {known} here, and why each has the value it has."]


def _resending(now: Standing) -> list[str]:
    total, speed = now.progress.members["total"], now.progress.pace["per_second"]
    whom = "" if now.job.config.withbackfill else " Whoever was only noted as inside, and never sent, stays unsent."
    said = [f"Up to {people(total)} are sent once more, with the value that each should have now.{whom}"]
    if speed:
        said.append(f"At {speed:g} a second, the most that is allowed now, that takes {duration(total / speed)}.")
    return [*said, "Live changes still go first. This is the cure after a mapping was missing in Mapp."]


def _retrying(now: Standing) -> list[str]:
    return [
        f"{people(now.progress.members['set_aside'])} whom Mapp rejected are sent again.",
        "Whoever it rejects once more is set aside again. Mend what its reasons name first.",
    ]


def _restarting(now: Standing) -> list[str]:
    if now.job.config.backfill_only:
        return [
            "Mapp and Lytics are asked whether the job can work, and the whole audience is read again.",
            f"About {people(now.progress.members['in'])} are compared; who has changed since is sent.",
        ]
    return ["Mapp and Lytics are asked whether the job can work. Then it goes on with the changes that come."]


def _named(words: str) -> Callable[[Standing], str]:
    return lambda now: words.format(name=now.job.name, aside=people(now.progress.members["set_aside"]))


ASKS = {
    "kill": Asking(Offer.KILL, "Terminate", _named("Terminate {name}?"), _killing, "danger", "circle-x"),
    "delete": Asking(Offer.DELETE, "Delete", _named("Delete {name}?"), _deleting, "danger", "trash-2"),
    "resend": Asking(
        Offer.RESEND, "Tell everybody again", _named("Tell Mapp everybody again?"), _resending, icon="send"
    ),
    "retry": Asking(Offer.RETRY, "Retry them", _named("Retry {aside}?"), _retrying, icon="rotate-cw"),
    "bounce": Asking(Offer.BOUNCE, "Restart", _named("Restart {name}?"), _restarting, icon="rotate-cw"),
}
