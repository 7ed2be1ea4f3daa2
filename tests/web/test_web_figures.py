"""How figures are named for Prometheus."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.service import EXPORT, Running
from usher import __version__
from usher.access.roles import Role
from usher.domain.outcome import Accepted, RetryLater, StopCause, StopJob
from usher.engine.telemetry import OUTCOMES, Telemetry, name_of
from usher.jobs.figures import Figures
from usher.web.exposition import StoredFigures

RESERVED = {"job", "instance"}  # Prometheus' own, which it renames in what it reads


async def samples(usher: Running) -> dict[tuple[str, ...], float]:
    text = (await usher.ask("GET", "/metrics", role=Role.VIEWER)).text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert found
    assert [sample for sample in found if RESERVED & set(sample.labels)] == []
    return {(sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value for sample in found}


async def test_a_job_is_named_once_and_found_by_its_id(usher: Running) -> None:
    job = (await usher.ask("POST", EXPORT, usher.job() | {"name": 'VIP "shoppers" \\'})).data
    found = await samples(usher)
    assert found["usher_job_info", job["id"], job["name"]] == 1
    assert found["usher_job_needs_attention", job["id"]] == 0
    assert found["usher_job_overdue_seconds", job["id"], "live"] == 0
    assert found["usher_build_info", __version__] == 1


async def test_the_newest_trigger_has_its_moment_once_there_was_one(usher: Running) -> None:
    job = await usher.create_job()
    last = ("usher_job_last_trigger_timestamp_seconds", job["id"])
    assert last not in await samples(usher)
    await usher.trigger(usher.event("jo@example.com"))
    assert (await samples(usher))[last] == pytest.approx(usher.deps.desk.clock.now_ms() / 1000, abs=60)


async def test_an_authorization_is_healthy_or_refused_once_it_was_asked(usher: Running) -> None:
    mapp = usher.made["mapp"]
    await usher.ask("POST", f"/v2/auth/{mapp}/test")
    assert (await samples(usher))["usher_authorization_healthy", mapp, "mapp"] == 1


async def test_workers_are_counted_only_where_the_ledger_is_shared(usher: Running) -> None:
    assert not [name for name, *_ in await samples(usher) if name == "usher_workers"]
    figures = Figures(jobs=[], unrouted={}, authorizations=[], workers={"serve": 1, "worker": 3})
    (family,) = [one for one in StoredFigures(figures).collect() if one.name == "usher_workers"]
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"kind": "serve"}, 1),
        ({"kind": "worker"}, 3),
    ]


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Accepted(), "accepted"),
        (RetryLater("busy"), "retry"),
        (RetryLater("slow down", is_throttle=True), "throttled"),
        (StopJob(StopCause.CREDENTIALS, "wrong"), "stopped"),
    ],
    ids=["accepted", "retry", "throttled", "stopped"],
)
def test_a_throttle_is_told_from_other_retries(outcome, name) -> None:
    telemetry = Telemetry()
    telemetry.attempted(outcome, seconds=0.1)
    assert name_of(outcome) == name
    assert {
        each: telemetry.registry.get_sample_value("usher_attempts_total", {"outcome": each}) for each in OUTCOMES
    } == {each: float(each == name) for each in OUTCOMES}


def test_every_metric_says_what_it_is_and_in_which_unit() -> None:
    stored = StoredFigures(Figures(jobs=[], unrouted={}, authorizations=[], workers={})).collect()
    for metric in (*Telemetry().registry.collect(), *stored):
        assert re.fullmatch(r"usher_[a-z_]+", metric.name)
        assert metric.documentation.endswith((".", "below.")), metric.name
