"""From a condition to a message that was taken: each told once, on both databases, whatever crashes in between."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from tests.jobs.office import ANNA, Office, key_of
from tools.measuring import Measured
from usher.alerts.sending import Address
from usher.domain.alert import Kind, Level
from usher.domain.alert_delivery import GIVE_UP_MS, WAITING_KEEP
from usher.domain.alert_message import Happened, Message, Taken
from usher.domain.job import Cause, Job, Status
from usher.domain.notes import Unreadable
from usher.domain.trigger_gap import Gap, GapKind
from usher.errors import Conflict, InvalidInput, NotFound, RemoteRejected, RemoteUnreachable
from usher.jobs import alert_channels, alert_watch
from usher.jobs.alert_drafts import ChannelDraft
from usher.jobs.alert_post import AlertPost
from usher.jobs.control import bounce_job, pause_job, resume_job
from usher.jobs.resealing import reseal_everything
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.jobs.too_large import note_too_large
from usher.store import alerts
from usher.store.authorizations import note_health
from usher.store.gaps import keep_gap
from usher.store.notes import add_unreadable
from usher.vault import KeyRing, Vault

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
HOOK = "https://alerts.example.net/hook"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


@dataclass
class Receivers:
    """Takes what is sent, or fails as told; the times of a hanging one never come."""

    got: list[tuple[str, Message]] = field(default_factory=list)
    secrets: list[dict[str, str]] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)

    async def send(self, to: Address, message: Message, *, now_ms: int) -> Taken:
        name = str(to.config.get("url", to.type))
        self.secrets.append(dict(to.secrets))
        if name in self.hanging:
            await asyncio.Event().wait()
        self.got.append((name, message))
        if name in self.failing:
            raise self.failing[name]
        return Taken(200)

    def heard(self, url: str = HOOK) -> list[tuple[Happened, str]]:
        return [(message.happened, message.kind) for name, message in self.got if name == url]


@dataclass
class House:
    """An office that sends alerts to pretend receivers."""

    office: Office
    out: Receivers
    job: Job
    post: AlertPost

    async def add(self, *, url: str = HOOK, level: str = "info", name: str = "") -> str:
        draft = ChannelDraft(name or url, "webhook", level, {"url": url, "secret": SECRET})
        return (await alert_channels.create_channel(self.office.desk, ANNA, draft)).channel.id

    async def look(self, *, after_seconds: float = 0) -> None:
        """One turn of the watch, after a while."""
        self.office.clock.pass_seconds(after_seconds)
        await alert_watch.look(self.office.desk)
        await self.post.send_what_is_due()
        await self.post.settle()

    async def put(self, **columns: object) -> None:
        self.job = await self.office.put(self.job, **columns)

    async def refuse(self, *, is_healthy: bool = False) -> None:
        await self.office.write(lambda txn: note_health(txn, self.office.mapp, is_healthy=is_healthy))


@pytest.fixture
async def house(office: Office) -> House:
    out = Receivers()
    office = office.with_desk(alert_sender=out, people_url="https://usher.example.net")
    return House(office, out, await office.make_job(), AlertPost(office.desk, rng=random.Random(1)))


FAULT = {"status": Status.FAULT, "cause": Cause.AUDIENCE, "reason": "The audience is gone."}


async def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(house: House) -> None:
    await house.add()
    await house.look()
    assert house.out.got == []
    await house.put(**FAULT)
    for _ in range(5):
        await house.look(after_seconds=5)
    await house.put(status=Status.RUNNABLE, cause=Cause.NONE, reason="")
    for _ in range(10):
        await house.look(after_seconds=5)
    assert house.out.heard() == [(Happened.BEGAN, "attention"), (Happened.ENDED, "attention")]
    began, ended = (message for _, message in house.out.got)
    assert (began.text, began.level) == ("The audience is gone.", Level.CRITICAL)
    assert began.url == "https://usher.example.net/jobs/" + house.job.id
    assert ended.headline.startswith("[Usher] Over after 25 s: ")
    assert began.id != ended.id


async def test_a_restart_tells_nothing_twice(house: House) -> None:
    await house.add()
    await house.put(**FAULT)
    await house.look()
    house.post = AlertPost(house.office.desk, rng=random.Random(2))
    await house.look(after_seconds=5)
    assert house.out.heard() == [(Happened.BEGAN, "attention")]


async def test_a_trouble_that_flaps_is_one_alert(house: House, measured: Measured) -> None:
    await house.add()
    for _ in range(20):
        await house.put(**FAULT)
        await house.look(after_seconds=10)
        await house.put(status=Status.RUNNABLE, cause=Cause.NONE)
        await house.look(after_seconds=10)
    assert house.out.heard() == [(Happened.BEGAN, "attention")]
    measured("alerts.flaps_told_once", 20)


async def test_many_set_aside_must_last_a_minute_before_anybody_is_told(house: House) -> None:
    await house.add()
    await house.office.write(lambda txn: txn.tally.update({(house.job.key, "members.total"): 100}))
    await house.office.write(lambda txn: txn.tally.update({(house.job.key, "members.aside"): 30}))
    await house.look()
    await house.look(after_seconds=59)
    assert house.out.got == []
    await house.look(after_seconds=1)
    assert house.out.heard() == [(Happened.BEGAN, "set_aside")]


async def test_a_live_change_that_waits_too_long_is_told_and_so_is_its_end(house: House) -> None:
    await house.add()
    await house.office.see(house.job, "jo@example.com")
    await house.look(after_seconds=14 * 60)
    await house.look(after_seconds=59)
    await house.look(after_seconds=2)
    assert house.out.got == []
    await house.look(after_seconds=60)
    assert house.out.heard() == [(Happened.BEGAN, "waiting")]
    assert "jo@example" not in repr(house.out.got)
    await house.office.write(lambda txn: txn.conn.execute(text("UPDATE ledger SET due_at = NULL")))
    await house.look(after_seconds=5)
    await house.look(after_seconds=60)
    assert house.out.heard()[1:] == [(Happened.ENDED, "waiting")]


@pytest.mark.parametrize("go_on", [resume_job, bounce_job])
async def test_the_time_for_which_a_person_paused_a_job_is_not_waited(house: House, go_on) -> None:
    await house.add()
    await house.office.see(house.job, "jo@example.com")
    await pause_job(house.office.desk, ANNA, house.job.id)
    house.office.clock.pass_seconds(3 * 86_400)
    await go_on(house.office.desk, ANNA, house.job.id)
    await house.look()
    await house.look(after_seconds=14 * 60)
    assert house.out.got == []
    await house.look(after_seconds=60)
    await house.look(after_seconds=60)
    assert house.out.heard() == [(Happened.BEGAN, "waiting")]
    assert "has waited for 16 min" in house.out.got[0][1].title


async def test_a_resume_of_a_clock_that_was_set_back_since_hides_no_waiting(house: House) -> None:
    await house.add()
    await pause_job(house.office.desk, ANNA, house.job.id)
    await resume_job(house.office.desk, ANNA, house.job.id)
    house.office.clock.set_by(-5 * 3_600_000)
    await house.office.see(house.job, "jo@example.com")
    await house.look(after_seconds=16 * 60)
    await house.look(after_seconds=60)
    assert house.out.heard() == [(Happened.BEGAN, "waiting")]


async def test_a_refused_authorization_is_one_alert_for_all_its_jobs(house: House) -> None:
    await house.add()
    await house.put(status=Status.FAULT, cause=Cause.MAPP_CREDENTIALS)
    await house.refuse()
    await house.look()
    assert house.out.heard() == [(Happened.BEGAN, "credentials")]


async def test_triggers_that_stop_are_told_and_a_new_definition_is_not(house: House) -> None:
    await house.add()
    redefined, silent = (Gap(kind, house.office.clock.now_ms(), 0) for kind in (GapKind.REDEFINED, GapKind.SILENT))
    await house.office.write(lambda txn: keep_gap(txn, house.job.key, redefined))
    await house.look()
    assert house.out.got == []
    await house.office.write(lambda txn: keep_gap(txn, house.job.key, silent))
    await house.look()
    await house.office.write(lambda txn: keep_gap(txn, house.job.key, None))
    await house.look(after_seconds=5)
    await house.look(after_seconds=30)
    assert house.out.heard() == [(Happened.BEGAN, "trigger_gap"), (Happened.ENDED, "trigger_gap")]


async def test_messages_that_make_no_sense_are_told_until_none_has_come_for_a_while(house: House) -> None:
    await house.add()
    odd = Unreadable(house.office.lytics, "no JSON", b"sealed", 6)
    await house.office.write(lambda txn: add_unreadable(txn, [odd] * 3))
    await house.look()
    assert house.out.got[0][1].text.startswith("3 within the last 15 minutes.")
    await house.look(after_seconds=15 * 60)
    await house.look(after_seconds=30)
    assert house.out.heard() == [(Happened.BEGAN, "unreadable"), (Happened.ENDED, "unreadable")]


async def test_a_message_that_was_lost_for_its_size_is_told_once_however_many_follow(house: House) -> None:
    await house.add(level="critical")
    for _ in range(3):
        await note_too_large(house.office.desk, house.office.lytics)
        await house.look(after_seconds=90)
    assert house.out.heard() == [(Happened.BEGAN, "too_large")]
    await house.look(after_seconds=15 * 60)
    await house.look(after_seconds=30)
    assert house.out.heard()[1:] == [(Happened.ENDED, "too_large")]


async def test_a_channel_hears_its_level_and_the_end_only_of_what_it_heard_begin(house: House) -> None:
    await house.add(level="critical")
    await house.put(exits_held=True)
    await house.look()
    late = "https://late.example.net/"
    await house.add(url=late)
    await house.put(exits_held=False)
    await house.look(after_seconds=5)
    await house.look(after_seconds=40)
    assert house.out.got == []


async def test_a_dead_channel_delays_nobody_else(house: House) -> None:
    dead = "https://dead.example.net/"
    await house.add(url=dead)
    await house.add()
    house.out.hanging.add(dead)
    await house.put(**FAULT)
    await alert_watch.look(house.office.desk)
    await house.post.send_what_is_due()
    async with asyncio.timeout(5):
        while not house.out.heard():  # noqa: ASYNC110 - the receiver has no event to give
            await asyncio.sleep(0)
    await house.put(status=Status.RUNNABLE, cause=Cause.NONE)
    for _ in range(2):
        house.office.clock.pass_seconds(40)
        await alert_watch.look(house.office.desk)
        await house.post.send_what_is_due()
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while len(house.out.heard()) < 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    await house.post.close()
    assert house.out.heard(dead) == []


async def test_what_is_not_taken_is_sent_again_under_the_same_id_and_in_order(house: House) -> None:
    channel = await house.add()
    house.out.failing[HOOK] = RemoteUnreachable("The receiver answered 503.", status=503)
    await house.put(**FAULT)
    await house.look()
    await house.put(status=Status.RUNNABLE, cause=Cause.NONE)
    await house.look(after_seconds=4)
    assert len(house.out.got) == 1
    await house.look(after_seconds=40)
    tries = [message.id for _, message in house.out.got]
    assert len(tries) == 2
    assert len(set(tries)) == 1
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert (view.waiting, view.channel.attempts, view.channel.last_is_ok) == (2, 2, False)
    house.out.failing.clear()
    await house.look(after_seconds=30)
    assert house.out.heard()[-2:] == [(Happened.BEGAN, "attention"), (Happened.ENDED, "attention")]
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert (view.waiting, view.channel.attempts, view.channel.last_is_ok) == (0, 0, True)


async def test_a_crash_after_the_send_sends_the_same_message_again(house: House) -> None:
    await house.add()
    await house.put(**FAULT)
    await house.look()
    await house.office.write(lambda txn: txn.conn.execute(text("UPDATE alert_messages SET state = 'waiting'")))
    await house.look()
    first, second = (message for _, message in house.out.got)
    assert first == second


async def test_after_a_day_a_message_is_given_up_and_that_is_shown(house: House) -> None:
    channel = await house.add()
    house.out.failing[HOOK] = RemoteRejected("The receiver answered 400.", status=400)
    await house.put(**FAULT)
    await house.look()
    await house.look(after_seconds=GIVE_UP_MS / 1000)
    sent = len(house.out.got)
    await house.look(after_seconds=7_200)
    assert len(house.out.got) == sent
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert (view.waiting, view.lost) == (0, 1)


async def test_the_queue_of_a_dead_channel_is_bounded_and_keeps_the_newest(house: House) -> None:
    channel = await house.add()

    def fill(txn: alerts.Txn) -> None:
        for number in range(WAITING_KEEP + 7):
            message = Message(f"msg_{number}", Happened.BEGAN, "test", Level.INFO, "t", "", "", 0, 0)
            alerts.queue_message(txn, channel=channel, alert=number, message=message)

    await house.office.write(fill)
    first = await house.office.desk.database.read(lambda txn: alerts.first_waiting(txn, channel))
    assert first.message.id == "msg_7"
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert (view.waiting, view.lost) == (WAITING_KEEP, 7)


async def test_two_processes_that_look_at_once_tell_once(house: House) -> None:
    await house.add()
    await house.put(**FAULT)
    await house.office.write(lambda txn: _look_twice(house.office, txn))
    await house.look()
    assert house.out.heard() == [(Happened.BEGAN, "attention")]


def _look_twice(office: Office, txn: alerts.Txn) -> None:
    """Apply what two processes found before either had kept it."""
    found = [alert_watch._changes(office.desk, txn) for _ in range(2)]
    for change in (one for changes in found for one in changes):
        alert_watch._apply(office.desk, txn, change)


async def test_what_is_kept_of_the_past_is_bounded(house: House) -> None:
    await house.put(**FAULT)
    await house.look()

    def fill(txn: alerts.Txn) -> None:
        for number in range(700):
            values = {"n": f"old{number}", "ms": number}
            txn.conn.execute(text(OLD_ALERT), values)
        for _ in range(3):
            alerts.prune_alerts(txn)

    await house.office.write(fill)
    left = await house.office.desk.database.read(lambda txn: txn.conn.execute(text(COUNT)).scalar())
    assert left == 500
    standing = await alert_channels.alert_standing(house.office.desk)
    assert [one.kind for one in standing.open] == [Kind.ATTENTION]
    assert (len(standing.ended), standing.ended[0].subject) == (50, "old699")


OLD_ALERT = (
    "INSERT INTO alerts (kind, subject, level, title, text, path, began_ms, told_ms, ended_ms)"
    " VALUES ('attention', :n, 'info', 't', '', '/', :ms, :ms, :ms)"
)
COUNT = "SELECT COUNT(*) FROM alerts WHERE ended_ms IS NOT NULL"


async def test_an_alert_that_stays_open_for_long_still_tells_its_end(house: House) -> None:
    await house.add()
    await house.put(**FAULT)
    await house.look()

    def pass_many(txn: alerts.Txn) -> None:
        """Tell the channel of 600 others that are over."""
        for number in range(600):
            txn.conn.execute(text(OTHER_MESSAGE), {"n": f"other{number}"})
        for _ in range(3):
            alerts.prune_alerts(txn)

    await house.office.write(pass_many)
    await house.put(status=Status.RUNNABLE, cause=Cause.NONE, reason="")
    await house.look()
    await house.look(after_seconds=30)
    assert house.out.heard()[-1] == (Happened.ENDED, "attention")


OTHER_MESSAGE = (
    "INSERT INTO alert_messages (id, channel, alert, body, state, created_ms, done_ms)"
    " VALUES (:n, 'other', 999999, '', 'sent', 1, 1)"
)


async def test_a_message_that_cannot_be_made_is_tried_more_rarely_and_given_up(house: House) -> None:
    channel = await house.add()
    house.out.failing[HOOK] = RuntimeError("nobody expected this")
    await house.put(**FAULT)
    await house.look()
    await house.look(after_seconds=1)
    assert len(house.out.got) == 1
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert view.channel.last_note == "Usher could not send it (RuntimeError)."
    await house.look(after_seconds=GIVE_UP_MS / 1000)
    view = await alert_channels.show_channel(house.office.desk, channel)
    assert (view.waiting, view.lost) == (0, 1)


@pytest.mark.parametrize("moment", ["waiting for its next try", "gone but not over"])
async def test_a_clock_set_back_by_a_year_keeps_no_message_waiting(house: House, moment: str) -> None:
    await house.add()
    is_waiting = moment == "waiting for its next try"
    if is_waiting:
        house.out.failing[HOOK] = RemoteUnreachable("not now", status=503)
    await house.put(**FAULT)
    await house.look()
    if not is_waiting:
        await house.put(status=Status.RUNNABLE, cause=Cause.NONE, reason="")
        await house.look()
    house.out.failing.clear()
    house.out.got.clear()

    house.office.clock.at_ms -= 365 * 86_400_000
    await house.look()
    await house.look(after_seconds=30)
    assert house.out.heard() == [(Happened.BEGAN if is_waiting else Happened.ENDED, "attention")]


async def test_only_the_holder_of_the_lease_looks(house: House) -> None:
    await house.add()
    await house.put(**FAULT)
    answers = iter([False, False, True])

    async def may_watch() -> bool:
        answer = next(answers, None)
        if answer is None:
            raise asyncio.CancelledError
        assert house.out.got == []
        return answer

    with suppress(asyncio.CancelledError):
        await alert_watch.watch_alerts(house.office.desk, rng=random.Random(1), may_watch=may_watch)
    assert await house.office.desk.database.read(alerts.count_open) == 1


async def test_a_test_says_how_it_went_and_waits_for_nothing(house: House) -> None:
    channel = await house.add()
    tried = await alert_channels.test_channel(house.office.desk, ANNA, channel)
    assert (tried.is_taken, tried.status, tried.said) == (True, 200, "Taken (200) in 0 ms.")
    house.out.failing[HOOK] = RemoteUnreachable("The receiver answered 503.", status=503)
    tried = await alert_channels.test_channel(house.office.desk, ANNA, channel)
    assert (tried.is_taken, tried.status, tried.said) == (False, 503, "The receiver answered 503.")
    assert house.out.heard() == [(Happened.TEST, "test")] * 2
    assert (await house.office.actions())[-3:] == ["alert_channel.create", *["alert_channel.test"] * 2]


async def test_what_is_secret_is_sealed_and_survives_a_new_key(house: House) -> None:
    channel = await house.add()
    kept = await house.office.desk.database.read(lambda txn: str(txn.conn.execute(text(ALL)).all()))
    assert SECRET not in kept
    views = await alert_channels.list_channels(house.office.desk)
    assert SECRET not in repr(views)
    vault = Vault(KeyRing((key_of(2), key_of(1))))
    done = await reseal_everything(house.office.desk.database, vault, unreadable_place=UNREADABLE_PLACE)
    assert done.locked == 0
    office = house.office.with_desk(vault=Vault(KeyRing((key_of(2),))))
    assert (await alert_channels.test_channel(office.desk, ANNA, channel)).is_taken
    assert house.out.secrets[-1] == {"secret": SECRET}


ALL = "SELECT * FROM alert_channels"


async def test_a_lost_key_is_a_failure_that_says_what_to_do_and_entering_the_secret_mends_it(house: House) -> None:
    channel = await house.add()
    office = house.office.with_desk(vault=Vault(KeyRing((key_of(9),))))
    tried = await alert_channels.test_channel(office.desk, ANNA, channel)
    assert not tried.is_taken
    assert "enter the secret again" in tried.said
    await alert_channels.change_channel(office.desk, ANNA, channel, ChannelDraft(None, None, None, {"secret": SECRET}))
    assert (await alert_channels.test_channel(office.desk, ANNA, channel)).is_taken


async def test_both_secrets_sign_for_a_day_after_one_was_replaced(house: House) -> None:
    channel = await house.add()
    desk = house.office.desk
    view = await alert_channels.change_channel(
        desk, ANNA, channel, ChannelDraft(None, None, None, {}), wants_secret=True
    )
    assert view.made_secret.startswith("whsec_")
    await alert_channels.test_channel(desk, ANNA, channel)
    assert house.out.secrets[-1] == {"secret": view.made_secret, "old_secret": SECRET}
    house.office.clock.pass_seconds(86_400)
    await alert_channels.test_channel(desk, ANNA, channel)
    assert house.out.secrets[-1] == {"secret": view.made_secret}


async def test_a_channel_that_is_deleted_takes_what_waits_for_it_along(house: House) -> None:
    channel = await house.add()
    house.out.failing[HOOK] = RemoteUnreachable("no", status=503)
    await house.put(**FAULT)
    await house.look()
    await alert_channels.delete_channel(house.office.desk, ANNA, channel)
    left = await house.office.desk.database.read(alerts.waiting_by_channel)
    assert left == {}
    with pytest.raises(NotFound):
        await alert_channels.show_channel(house.office.desk, channel)
    await house.look(after_seconds=60)


async def test_two_channels_cannot_have_one_name(house: House) -> None:
    await house.add(name="Ops")
    with pytest.raises(Conflict):
        await house.add(name="Ops", url="https://other.example.net/")


async def test_what_is_left_out_of_a_change_stays(house: House) -> None:
    channel = await house.add(name="Ops", level="critical")
    changed = await alert_channels.change_channel(
        house.office.desk, ANNA, channel, ChannelDraft("Night shift", None, None, {})
    )
    assert (changed.channel.name, changed.channel.level) == ("Night shift", Level.CRITICAL)
    assert changed.channel.config == {"url": HOOK}
    await alert_channels.test_channel(house.office.desk, ANNA, channel)
    assert house.out.secrets[-1] == {"secret": SECRET}


async def test_there_is_a_limit_to_channels(house: House) -> None:
    for number in range(alert_channels.MOST_CHANNELS):
        await house.add(url=f"https://n{number}.example.net/")
    with pytest.raises(Conflict, match="50"):
        await house.add()


async def test_a_channel_that_is_not_valid_changes_nothing(house: House) -> None:
    channel = await house.add()
    with pytest.raises(InvalidInput):
        await alert_channels.change_channel(
            house.office.desk, ANNA, channel, ChannelDraft(None, None, None, {"url": "https://127.0.0.1/"})
        )
    assert (await alert_channels.show_channel(house.office.desk, channel)).channel.config == {"url": HOOK}
