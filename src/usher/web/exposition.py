"""
How the service's figures are named for Prometheus.

A job's id is the label `job_id`: `job` is Prometheus' own, and would be renamed on the way in.
Each series of a job is there from zero, because Prometheus sees no increase in one that begins at 1.
"""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from usher.jobs.figures import Figures, JobFigures

MS_PER_SECOND = 1000
TESTED = {"healthy": 1, "unhealthy": 0}


class StoredFigures(Collector):
    """One reading of the database, as a collector."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        jobs = self._figures.jobs
        yield _names(jobs)
        yield _statuses(jobs)
        yield _attention(jobs)
        yield _members(jobs)
        yield _overdue(jobs)
        yield _last_triggers(jobs)
        yield _events(self._figures)
        yield _authorizations(self._figures)
        yield _workers(self._figures)


def _names(jobs: list[JobFigures]) -> Metric:
    family = GaugeMetricFamily("usher_job_info", "Always 1; says what a job is called.", labels=["job_id", "name"])
    for one in jobs:
        family.add_metric([one.job.id, one.job.name], 1)
    return family


def _statuses(jobs: list[JobFigures]) -> Metric:
    family = GaugeMetricFamily("usher_job_status", "1 for the status a job has.", labels=["job_id", "status"])
    for one in jobs:
        family.add_metric([one.job.id, one.job.status], 1)
    return family


def _attention(jobs: list[JobFigures]) -> Metric:
    meaning = "1 for a job that needs a person: at fault, failed, or with people at the removal brake."
    family = GaugeMetricFamily("usher_job_needs_attention", meaning, labels=["job_id"])
    for one in jobs:
        family.add_metric([one.job.id], int(one.needs_person))
    return family


def _members(jobs: list[JobFigures]) -> Metric:
    family = GaugeMetricFamily("usher_job_members", "People of a job, by state.", labels=["job_id", "state"])
    for one in jobs:
        for state, count in one.members.items():
            family.add_metric([one.job.id, state], count)
    return family


def _overdue(jobs: list[JobFigures]) -> Metric:
    meaning = "For how long the change that waits longest could have been sent; 0 where none waits."
    family = GaugeMetricFamily("usher_job_overdue_seconds", meaning, labels=["job_id", "lane"])
    for one in jobs:
        for lane, seconds in one.overdue_seconds.items():
            family.add_metric([one.job.id, lane], seconds)
    return family


def _last_triggers(jobs: list[JobFigures]) -> Metric:
    meaning = "When the newest trigger came; missing before the first one."
    family = GaugeMetricFamily("usher_job_last_trigger_timestamp_seconds", meaning, labels=["job_id"])
    for one in jobs:
        if one.job.last_trigger_ms is not None:
            family.add_metric([one.job.id], one.job.last_trigger_ms / MS_PER_SECOND)
    return family


def _events(figures: Figures) -> Metric:
    family = CounterMetricFamily(
        "usher_job_events", "What was counted for a job; see below.", labels=["job_id", "event"]
    )
    for job_id, events in (("none", figures.unrouted), *((one.job.id, one.events) for one in figures.jobs)):
        for name, count in sorted(events.items()):
            family.add_metric([job_id, name], count)
    return family


def _authorizations(figures: Figures) -> Metric:
    meaning = "1 where it worked when it was last looked at, 0 where it was refused; missing before that."
    labels = ["authorization", "provider"]
    family = GaugeMetricFamily("usher_authorization_healthy", meaning, labels=labels)
    for auth in figures.authorizations:
        if auth.status in TESTED:
            family.add_metric([auth.id, auth.provider], TESTED[auth.status])
    return family


def _workers(figures: Figures) -> Metric:
    meaning = "Processes that share the ledger and are alive, by kind; missing on SQLite."
    family = GaugeMetricFamily("usher_workers", meaning, labels=["kind"])
    for kind, alive in sorted(figures.workers.items()):
        family.add_metric([kind], alive)
    return family
