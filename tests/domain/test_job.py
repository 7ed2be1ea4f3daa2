"""The states of a job, and which event leads from one to another."""

import re
from itertools import product

import pytest

from usher.domain import job as rules
from usher.domain.job import (
    LIVE,
    NO_SCAN,
    SENDING,
    TRANSITIONS,
    Cause,
    Event,
    Job,
    JobConfig,
    Status,
    Webhook,
    next_status,
)
from usher.errors import Conflict

# Where each event (columns) leads from each status (rows); "-" where it leads nowhere.
EXPECTED = """
            pause    resume    bounce    kill    delete   sleep     wake      fault  mend      complete   fail
runnable    paused   runnable  runnable  killed  deleted  sleeping  runnable  fault  -         completed  failed
sleeping    paused   -         runnable  killed  deleted  sleeping  runnable  fault  -         completed  failed
paused      paused   runnable  runnable  killed  deleted  -         -         -      -         -          failed
completed   -        -         runnable  killed  deleted  -         -         -      -         -          -
fault       paused   -         runnable  killed  deleted  -         -         fault  runnable  -          failed
failed      -        -         runnable  killed  deleted  -         -         -      -         -          -
killed      -        -         -         killed  deleted  -         -         -      -         -          -
deleted     -        -         -         -       deleted  -         -         -      -         -          -
"""
HEADER, *ROWS = [line.split() for line in EXPECTED.strip().splitlines()]
TABLE = {
    (Status(row[0]), Event(event)): None if leads_to == "-" else Status(leads_to)
    for row in ROWS
    for event, leads_to in zip(HEADER, row[1:], strict=True)
}
PEOPLES = {Event.PAUSE, Event.RESUME, Event.BOUNCE, Event.KILL, Event.DELETE}
STEP = re.compile(r"(.*?)--(\w+)--> (\w+)(,?)")


def drawn():
    """The transitions that the module's docstring draws."""
    found = {}
    for line in rules.__doc__.splitlines():
        sources, previous, is_shared = [], Status.RUNNABLE, False
        for before, event, target, comma in STEP.findall(line):
            if before.strip(" "):
                sources = named(before.strip())
            elif not is_shared:
                sources = [previous]
            found.update({(source, Event(event)): Status(target) for source in sources})
            previous, is_shared = Status(target), bool(comma)
    return found


def named(text):
    if text == "any live":
        return list(LIVE)
    if text.startswith("any but "):
        return [status for status in Status if status != text.removeprefix("any but ")]
    return [Status(word) for word in text.split(", ")]


def moves(table):
    """Only what changes a status."""
    return {(source, event): target for (source, event), target in table.items() if target not in (None, source)}


def a_job(status=Status.RUNNABLE, **config):
    return Job(
        key=1,
        id="j",
        name="",
        description="",
        mapp_auth="m",
        lytics_auth="l",
        config=JobConfig(segment_id="s", uid_field="email", group_id="7", **config),
        audience_slug="vip",
        audience_name="VIP",
        status=status,
        cause=rules.Cause.NONE,
        reason="",
        sleep_until_ms=None,
        is_baselined=False,
        scan_wanted="",
        next_reconcile_ms=None,
        exits_held=False,
        webhook=Webhook(),
        first_trigger_ms=None,
        last_trigger_ms=None,
        created_ms=0,
        updated_ms=0,
    )


def test_a_job_that_sleeps_goes_on_sending_only_where_mapp_is_not_the_reason():
    assert {Cause.LYTICS_OUTAGE, Cause.CLOCKS} == NO_SCAN


def test_the_table_below_knows_every_status_and_event():
    assert set(TABLE) == set(product(Status, Event))


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_every_event_leads_from_every_status_where_the_table_says_or_nowhere(status, event):
    if (expected := TABLE[status, event]) is not None:
        assert next_status(status, event) is expected
    else:
        with pytest.raises(Conflict, match=f"A job that is {status} cannot {event}\\."):
            next_status(status, event)


def test_the_diagram_draws_exactly_the_moves_there_are():
    actual = {(source, event): target for event, row in TRANSITIONS.items() for source, target in row.items()}

    assert moves(drawn()) == moves(actual) == moves(TABLE)


@pytest.mark.parametrize(
    ("status", "event"), [(s, e) for (s, e), leads_to in TABLE.items() if leads_to is None and e in PEOPLES]
)
def test_whoever_asks_for_what_cannot_be_is_told_what_would(status, event):
    with pytest.raises(Conflict) as refused:
        next_status(status, event)

    assert re.fullmatch(r"A job that is \w+ cannot \w+\. [A-Z].+[a-z)]\.", refused.value.message)


@pytest.mark.parametrize("status", [Status.KILLED, Status.DELETED])
@pytest.mark.parametrize("event", sorted(set(Event) - {Event.KILL, Event.DELETE}))
def test_what_has_ended_stays_ended(status, event):
    with pytest.raises(Conflict):
        next_status(status, event)


@pytest.mark.parametrize("event", [Event.WAKE, Event.MEND, Event.SLEEP, Event.FAULT, Event.COMPLETE])
def test_nothing_that_happens_by_itself_starts_a_job_that_a_person_paused(event):
    with pytest.raises(Conflict):
        next_status(Status.PAUSED, event)


@pytest.mark.parametrize("event", [Event.PAUSE, Event.KILL, Event.DELETE])
@pytest.mark.parametrize("status", list(Status))
def test_a_person_may_press_twice(status, event):
    if TABLE[status, event] is not None:
        once = next_status(status, event)
        assert next_status(once, event) is once


def test_only_what_may_send_or_waits_to_takes_in_triggers():
    assert {Status.RUNNABLE, Status.SLEEPING, Status.PAUSED, Status.FAULT} == LIVE
    assert {Status.RUNNABLE, Status.SLEEPING} == SENDING


@pytest.mark.parametrize("status", list(Status))
def test_a_job_is_live_by_its_status(status):
    assert a_job(status).is_live is (status in LIVE)


def test_a_job_writes_where_its_configuration_and_audience_say():
    job = a_job(enable_dynamic_attributes=True)

    assert (job.target.attribute_name, job.target.prefix, job.target.group_id) == ("vip", "7_", "7")


def test_causes_keep_the_names_under_which_they_were_stored():
    assert [str(cause) for cause in rules.Cause] == [
        *("", "outage", "mapp_credentials", "mapp_integration", "lytics_credentials", "lytics_outage"),
        *("clocks", "rejections", "removals", "audience", "field", "unstarted"),
    ]


def test_statuses_are_spelled_as_lytics_spells_them():
    assert [str(status) for status in Status] == [
        *("runnable", "sleeping", "paused", "completed"),
        *("fault", "failed", "killed", "deleted"),
    ]
