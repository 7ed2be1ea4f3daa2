"""What a job is doing now, and why, in plain words: one pure function from its state."""

from dataclasses import dataclass

from usher.clock import iso_from_ms
from usher.domain.attention import is_short_of_triggers
from usher.domain.job import NO_SCAN, Cause, Status
from usher.domain.trigger_gap import gap_said
from usher.jobs.plainly import about, plain
from usher.jobs.standing import Standing

__all__ = ["Saying", "about", "plain", "say", "say_gap", "say_held", "sentence_of"]


@dataclass(frozen=True, slots=True)
class Saying:
    """
    A few sentences about a job.

    Args:
        mood: "ok", "warn", "bad", or "" for neither.
        title: what stopped it, where something did; else blank.
        quoted: what was said about it when it stopped, perhaps in a vendor's words; hostile until escaped.
        at_ms: a moment that belongs to the sentences, and *at_word* what is then ("Mapp is asked again").
    """

    text: str
    mood: str = "ok"
    title: str = ""
    quoted: str = ""
    at_word: str = ""
    at_ms: int | None = None


def say(now: Standing) -> Saying:
    """Return what is happening in a job now, and why."""
    return {
        Status.RUNNABLE: _running,
        Status.SLEEPING: _sleeping,
        Status.PAUSED: _paused,
        Status.FAULT: _at_fault,
        Status.FAILED: _failed,
        Status.COMPLETED: _completed,
        Status.KILLED: _killed,
        Status.DELETED: _deleted,
    }[now.job.status](now)


def say_held(now: Standing) -> Saying | None:
    """Return who waits for a person's decision, where anybody does although the job is not at fault for it."""
    if not now.job.exits_held or not now.job.is_live or _is_scan_held(now):
        return None
    held = _people(now.progress.members["held"])
    verb = "waits" if now.progress.members["held"] == 1 else "wait"
    text = (
        "So many people left the audience at once that Usher holds back those who leave, because a mistake in Lytics"
        " looks just like this. Who enters is still sent. Nothing is lost meanwhile."
    )
    return Saying(text, "warn", title=f"{held} {verb} for your decision", quoted=plain(now.job.reason))


def say_gap(now: Standing) -> Saying | None:
    """Return which triggers may be missing, where any may and the job goes on."""
    if now.gap is None or not is_short_of_triggers(now.job.status, has_gap=True):
        return None
    return Saying(gap_said(now.gap), "warn", title="Triggers from Lytics may be missing")


def sentence_of(now: Standing) -> str:
    """Return in one line what a job's page says above everything; what is quoted there is the job's reason."""
    said = say(now)
    held = None if said.title else say_held(now)
    return " ".join(_in_one_line(one) for one in (held, say_gap(now), said) if one is not None)


def _in_one_line(said: Saying) -> str:
    then = f"{said.at_word} at {iso_from_ms(said.at_ms)}." if said.at_word and said.at_ms is not None else ""
    return " ".join(filter(None, [f"{said.title}." if said.title else "", said.text, then]))


def _running(now: Standing) -> Saying:
    rejected = now.progress.members["set_aside"]
    aside = f"Mapp rejected {rejected:,}: see what to do." if rejected else ""
    return Saying(" ".join(filter(None, [_doing(now), aside])), _mood(now))


def _mood(now: Standing) -> str:
    """Nobody is told that all is well while somebody is left out."""
    return "warn" if now.progress.members["set_aside"] else "ok"


def _doing(now: Standing) -> str:
    scan = now.progress.scan
    if _is_first_read_awaited(now):
        return f"Reading the audience from Lytics.{_waiting_too(now)}"
    if now.is_scanning and scan is not None and scan.kind == "backfill":
        return _backfilling(now)
    if now.is_scanning and scan is not None and scan.kind == "baseline":
        return (
            "Reading who is in the audience now. Nothing is sent for them, because Existing Users is off;"
            " whoever enters or leaves meanwhile is sent."
        )
    if now.job.scan_wanted and not now.is_scanning:
        return f"About to read the audience from Lytics.{_waiting_too(now)}"
    if now.is_scanning and scan is not None:
        of = f" of {scan.expected:,}" if scan.expected is not None else ""
        return f"Comparing the whole audience: {scan.seen:,}{of} people read. Changes go on meanwhile."
    return _sweeping(now) or _keeping_up(now)


def _is_first_read_awaited(now: Standing) -> bool:
    """Tell whether those already inside are to be sent, and Lytics has named nobody yet."""
    if now.job.is_baselined or not now.job.config.withbackfill:
        return False
    scan = now.progress.scan
    return not (now.is_scanning and scan is not None and scan.seen)


def _backfilling(now: Standing) -> str:
    said = ["Sending the people who are already in the audience.", _time_left(now)]
    typical = now.hour.totals.p50_ms
    ends = f" and reaches Mapp in {about(typical / 1000)}" if typical is not None else ""
    said.append(f"Meanwhile, anyone who enters or leaves goes first{ends}.")
    return " ".join(filter(None, said))


def _time_left(now: Standing) -> str:
    left = now.backfill.left_seconds if now.backfill is not None else None
    if left is None:
        return ""
    said = about(left)
    return f"{said[0].upper()}{said[1:]} {'are' if said.endswith('s') else 'is'} left."


def _sweeping(now: Standing) -> str:
    if "leave" in now.sweeps:
        return "Setting those to false whom the last comparison did not find, as was confirmed."
    if "resend" in now.sweeps:
        return " ".join(filter(None, ["Telling Mapp everybody again, as was asked for.", _time_left(now)]))
    if "retry" in now.sweeps:
        return "Trying again those whom Mapp had rejected."
    if now.is_bulk_owed and now.waiting:
        if now.progress.scan is not None and now.progress.scan.kind == "backfill":
            return _backfilling(now)
        what = f"Sending everybody who is owed: {_people(now.waiting)} {_verb(now.waiting, 'wait')}."
        return " ".join(filter(None, [what, _time_left(now)]))
    return ""


def _keeping_up(now: Standing) -> str:
    members = now.progress.members
    if now.waiting:
        return f"Sending changes as they come: {_people(now.waiting)} {_verb(now.waiting, 'wait')} to be sent."
    if not members["total"]:
        return _nobody_yet(now)
    if members["set_aside"]:
        return f"{now.progress.in_step:,} of {_people(members['total'])} {_is(members['total'])} in step."
    typical = now.hour.totals.p50_ms
    fast = f" A change reaches Mapp in {about(typical / 1000)}." if typical is not None else ""
    lead = "Everybody else is in step" if members["held"] else "Everything is in step"
    if now.job.config.withbackfill:
        return f"{lead}: Mapp has accepted the newest value of everybody it takes.{fast}"
    return f"{lead}: whoever entered or left since this job began has reached Mapp.{fast}"


def _nobody_yet(now: Standing) -> str:
    if now.job.first_trigger_ms is not None or now.job.config.backfill_only:
        return "Nobody is in the audience yet. Whoever enters is sent at once."
    return "Waiting for the first change: none has ever arrived from Lytics."


def _sleeping(now: Standing) -> Saying:
    kept = _kept(now)
    said = f"{plain(now.job.reason)} {kept[0].upper()}{kept[1:]}".strip()
    who = "Lytics" if now.job.cause in NO_SCAN else "Mapp"
    at_ms = now.job.sleep_until_ms
    return Saying(said, "warn", at_word=f"{who} is asked again" if at_ms is not None else "", at_ms=at_ms)


def _paused(now: Standing) -> Saying:
    if now.job.cause is Cause.UNSTARTED:
        text = "Nothing is read from Lytics and nothing is sent to Mapp until you start the export."
        return Saying(text, "", title="Saved without starting")
    who, _, rest = now.job.reason.partition(". ")
    text = f"Nothing is sent until somebody resumes the job. Changes from Lytics are still taken in: {_kept(now)}"
    return Saying(text, "", title=who.rstrip(".") or "Paused", quoted=plain(rest))


def _at_fault(now: Standing) -> Saying:
    if now.job.cause is Cause.REMOVALS:
        return _at_the_brake(now)
    title, mend = _FAULTS.get(now.job.cause, ("The job cannot go on", "Mend what is named below, then test again."))
    title = title.format(mapp=now.label_of_mapp, lytics=now.label_of_lytics, audience=now.job.audience_name)
    said = "" if now.job.cause is Cause.REJECTIONS else plain(now.job.reason)  # that one is all in the words here
    return Saying(f"{_STOPPED} {_kept(now)} {mend}", "bad", title=title, quoted=said)


_STOPPED = "Usher sends nothing for this job. Changes from Lytics are still taken in:"
_BY_ITSELF = "The job goes on by itself as soon as the authorization tests well."
_FAULTS = {
    Cause.MAPP_CREDENTIALS: ("Mapp refuses the credentials of {mapp}", _BY_ITSELF),
    Cause.MAPP_INTEGRATION: ("Mapp does not know the integration of {mapp}", _BY_ITSELF),
    Cause.LYTICS_CREDENTIALS: ("Lytics refuses the credentials of {lytics}", _BY_ITSELF),
    Cause.REJECTIONS: (
        "Mapp rejects most people of this job",
        "Look at who is set aside and why. One of them is tried at times; the job goes on once Mapp takes one.",
    ),
    Cause.AUDIENCE: ("The audience {audience} cannot be read", "Mend it in Lytics: the job goes on by itself."),
    Cause.FIELD: (
        "The Identifier Field does not name people any more",
        "Bring it back in Lytics: the job goes on by itself.",
    ),
}


def _at_the_brake(now: Standing) -> Saying:
    scan = now.progress.scan
    count = now.progress.members["held"] + (scan.held if scan is not None else 0)
    text = (
        "Usher stopped and asks, because a mistake in Lytics looks just like so many people leaving at once."
        f" Nothing was sent for them. Changes from Lytics are still taken in: {_kept(now)}"
    )
    return Saying(text, "warn", title=f"{_people(count)} would be set to false", quoted=plain(now.job.reason))


def _failed(now: Standing) -> Saying:
    text = "Nothing is sent or taken in until the job is restarted. Mapp keeps what it holds."
    return Saying(text, "bad", title="The job failed", quoted=plain(now.job.reason))


def _completed(now: Standing) -> Saying:
    members, accepted = now.progress.members, now.progress.in_step
    aside = f", {members['set_aside']:,} set aside" if members["set_aside"] else ""
    said = f"Mapp has accepted {accepted:,} of {_people(members['total'])}{aside}. Nothing more is sent."
    return Saying(said, _mood(now), at_word="Completed" if now.since_ms is not None else "", at_ms=now.since_ms)


def _killed(now: Standing) -> Saying:
    who = plain(now.job.reason).rstrip(".") or "Terminated"
    return Saying(f"{who}. Nothing more is sent or taken in; Mapp keeps what it holds.", "")


def _deleted(now: Standing) -> Saying:
    who = now.job.reason.rstrip(".") or "Deleted"
    return Saying(f"{who}. Its people are forgotten here; Mapp keeps what it holds.", "")


def _is_scan_held(now: Standing) -> bool:
    return now.job.cause is Cause.REMOVALS and now.job.status is Status.FAULT


def _kept(now: Standing) -> str:
    """Say who waits meanwhile, and that nobody is lost."""
    if not now.waiting:
        return "nobody waits to be sent, and nothing is lost."
    return f"{_people(now.waiting)} {_verb(now.waiting, 'wait')} to be sent, and nobody is lost."


def _waiting_too(now: Standing) -> str:
    return f" {_people(now.waiting)} {_verb(now.waiting, 'wait')} to be sent." if now.waiting else ""


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb
