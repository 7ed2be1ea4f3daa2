"""The emitter alone: a fake endpoint, and a clock on which waiting takes no time."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from running_sandbox import until

from usher.sandbox.audiences import Change, SegmentEvent
from usher.sandbox.emitter import EmissionQuirks, Emitter
from usher.sandbox.people import make_people
from usher.sandbox.trigger_body import WebhookConfig, message, rfc3339_nano, wanted_events

PERSON = make_people(1, seed=1)[0]
ENTER = SegmentEvent("a" * 32, "vip", "enter", 1_763_633_702_100_200_300)
EXIT = SegmentEvent("b" * 32, "old", "exit", 1_763_633_702_100_200_301)
CHANGED = SegmentEvent("a" * 32, "vip", "change", None)


class SwiftClock:
    """Every sleep ends at once and moves the time on."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return round(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class FakeEndpoint:
    """Answers as it was told, then 200."""

    def __init__(self, *answers: tuple[int, float | None]) -> None:
        self.answers = list(answers)
        self.bodies: list[object] = []

    async def post(self, config: WebhookConfig, body: bytes) -> tuple[int, float | None]:
        self.bodies.append(json.loads(body))
        return self.answers.pop(0) if self.answers else (200, None)


@asynccontextmanager
async def emitting(endpoint: FakeEndpoint, *, quirks=None, **config) -> AsyncIterator[Emitter]:
    whole = WebhookConfig(segment_ids=["a" * 32], webhook_url="http://x", **({"worker_count": 1} | config))
    emitter = Emitter(
        whole,
        lambda change: {"id": change.person.profile_id, "kind": change.events[0].kind},
        endpoint.post,
        lambda level, text: None,
        SwiftClock(),
        random.Random(1),
        quirks or EmissionQuirks(),
    )
    emitter.start()
    try:
        yield emitter
    finally:
        await emitter.aclose()


def _put(emitter: Emitter, count: int = 1) -> None:
    for _ in range(count):
        emitter.put(Change(PERSON, (ENTER,)))


@pytest.mark.parametrize("status", [400, 404, 413, 418])
async def test_refusals_for_good_are_omitted_and_not_sent_again(status):
    endpoint = FakeEndpoint((status, None))
    async with emitting(endpoint, do_not_retry=[418]) as emitter:
        _put(emitter)
        await until(lambda: emitter.counters.omitted == 1 and not emitter.pending)

        assert (len(endpoint.bodies), emitter.counters.delivered) == (1, 0)


@pytest.mark.parametrize("status", [0, 201, 202, 401, 429, 500, 503])
async def test_anything_but_200_is_sent_again(status):
    endpoint = FakeEndpoint((status, None), (status, None))
    async with emitting(endpoint) as emitter:
        _put(emitter)
        await until(lambda: emitter.counters.delivered == 1)

        assert (len(endpoint.bodies), emitter.counters.failures) == (3, 2)


async def test_retry_after_puts_the_job_to_sleep_for_that_long_without_a_failure():
    endpoint = FakeEndpoint((503, 17.0))
    async with emitting(endpoint) as emitter:
        _put(emitter)
        await until(lambda: emitter.counters.delivered == 1)

        assert emitter.clock.slept == [17.0]
        assert emitter.counters.failures == 0


async def test_ten_failures_make_the_job_sleep_a_minute_doubling_until_it_has_failed():
    endpoint = FakeEndpoint(*[(500, None)] * 1000)
    async with emitting(endpoint) as emitter:
        _put(emitter)
        await until(lambda: emitter.status == "failed")

        naps = [seconds for seconds in emitter.clock.slept if seconds >= 60]
        assert naps == [60, 120, 240, 480, 960, 1920, 3840]
        assert emitter.counters.requests == 80
        endpoint.answers.clear()
        emitter.turn("runnable")
        await until(lambda: emitter.counters.delivered == 1)


async def test_a_paused_job_keeps_its_messages_and_a_killed_one_takes_none():
    endpoint = FakeEndpoint()
    async with emitting(endpoint) as emitter:
        emitter.turn("paused")
        _put(emitter, 3)
        await until(lambda: emitter.pending == 3)
        assert endpoint.bodies == []
        emitter.turn("runnable")
        await until(lambda: emitter.counters.delivered == 3)
        emitter.turn("killed")
        _put(emitter)

        assert (emitter.counters.dropped, emitter.pending) == (1, 0)


async def test_batches_are_arrays_of_at_most_the_batch_size():
    endpoint = FakeEndpoint()
    async with emitting(endpoint, batch_requests=True, batch_size=4) as emitter:
        _put(emitter, 10)
        await until(lambda: emitter.counters.delivered == 10)

        assert [len(body) for body in endpoint.bodies] == [4, 4, 2]
        assert sum(emitter.clock.slept) >= emitter.config.batch_flush_duration - 1e-6


async def test_duplicates_are_the_same_body_twice():
    endpoint = FakeEndpoint()
    async with emitting(endpoint, quirks=EmissionQuirks(duplicate_share=1.0)) as emitter:
        _put(emitter)
        await until(lambda: len(endpoint.bodies) == 2)

        assert endpoint.bodies[0] == endpoint.bodies[1]


def test_one_message_may_carry_several_audiences_and_only_the_chosen_fields():
    config = WebhookConfig(segment_ids=[], webhook_url="", user_fields=["email"], include_segs=True)
    body = message(
        Change(PERSON, (ENTER, EXIT, CHANGED)),
        {"email": "a@b.c", "city": "Berlin"},
        config=config,
        job_id="j1",
        segment_ids=["s1"],
        now_ns=1_763_633_706_000_000_000,
    )

    assert body == {
        "id": PERSON.profile_id,
        "data": {
            "email": "a@b.c",
            "segment_events": [
                {"id": "a" * 32, "slug": "vip", "event": "enter", "enter": "2025-11-20T10:15:02.1002003Z"},
                {"id": "b" * 32, "slug": "old", "event": "exit", "exit": "2025-11-20T10:15:02.100200301Z"},
                {"id": "a" * 32, "slug": "vip", "event": "change"},
            ],
            "segments_all": ["s1"],
        },
        "meta": {"object": "user", "subscription_id": "j1", "timestamp": "2025-11-20T10:15:06Z"},
    }


def test_a_cloud_event_has_a_source_and_no_meta():
    config = WebhookConfig(segment_ids=[], webhook_url="", cloudevents=True)
    body = message(Change(PERSON, (ENTER,)), {}, config=config, job_id="j1", segment_ids=[], now_ns=0)

    assert (body["specversion"], body["source"], "meta" in body) == ("1.0", "/work/j1", False)
    assert body["time"] == rfc3339_nano(0) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("wish", "kinds"),
    [("", ["enter", "exit"]), ("enters_only", ["enter"]), ("exits_only", ["exit"])],
)
def test_a_job_hears_only_of_its_audiences_and_of_the_events_it_wants(wish, kinds):
    other = SegmentEvent("c" * 32, "other", "enter", 1)
    config = WebhookConfig(segment_ids=["a" * 32, "b" * 32], webhook_url="", audience_events=wish)

    assert [e.kind for e in wanted_events(Change(PERSON, (ENTER, EXIT, other)), config)] == kinds
