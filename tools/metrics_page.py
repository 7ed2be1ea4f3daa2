"""What `/metrics` shows, from the registry itself, after each instrument was used once."""

from collections import Counter

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from tools.counters import COUNTERS, FATES
from tools.markdown import code, page, table
from usher.domain.intake import Intake
from usher.domain.outcome import Accepted
from usher.engine.telemetry import OUTCOMES, Refusal, Telemetry
from usher.jobs.figures import Figures
from usher.web.exposition import StoredFigures
from usher.web.receiver import WORDS


def metrics_page() -> str:
    used = [(metric, _labels(metric)) for metric in _used().collect()]
    return page(
        "Metrics",
        "`GET /metrics` answers in Prometheus' text format; it needs a viewer's token, or the local socket.\n"
        "No label holds a member.",
        "## Since the process started",
        table(
            ("Metric", "Type", "Labels", "Meaning"),
            [(code(_name(metric)), metric.type, labels, metric.documentation) for metric, labels in used],
        ),
        "`fate` is `unknown_audience` or another reason why an event belongs to no job, or one of these:",
        table(("Fate", "The event"), [(code(fate), meaning) for fate, meaning in FATES.items()]),
        f"`outcome` is one of {_listed(OUTCOMES)}.\n"
        f"`answer` is `accepted`, `disconnected` or one of {_listed(WORDS)}.\n"
        f"`reason` is one of {_listed(Refusal)}.",
        "## Read from the database",
        "These are read at the moment of asking, so a restart loses nothing; every process shows the same ones.\n"
        "Each series of a job begins at zero, but for those with a REASON.",
        table(
            ("Metric", "Type", "Labels", "Meaning"),
            [(code(_name(metric)), metric.type, _stored_labels(metric), metric.documentation) for metric in _stored()],
        ),
        "`state` is `total`, `in`, `due`, `aside` or `held`: those of `due` that wait at the removal brake.\n"
        "`lane` is `live` for what triggers said, `bulk` for what a scan or a person did; who is held is in neither.\n"
        "`kind` is `serve` or `worker`.",
        "`job_id` is `none` for what belongs to no job.",
        table(("Event", "Meaning"), [(code(name), meaning) for name, meaning in COUNTERS.items()]),
    )


def _used() -> CollectorRegistry:
    """Use every instrument once: one that was never used shows no labels."""
    telemetry = Telemetry()
    telemetry.took_in(Intake(unrouted=Counter(unknown_audience=1)))
    telemetry.attempted(Accepted(), seconds=1)
    telemetry.accepted_live(seconds=1)
    telemetry.pace("authorization", in_flight=1, per_second=1)
    telemetry.read_page()
    telemetry.receiver.labels("accepted").inc()
    telemetry.refused(Refusal.FULL)
    return telemetry.registry


def _stored() -> list[Metric]:
    return list(StoredFigures(Figures(jobs=[], unrouted={}, authorizations=[], workers={})).collect())


def _stored_labels(metric: Metric) -> str:
    return ", ".join(map(code, metric._labelnames))  # type: ignore[attr-defined] # noqa: SLF001 - kept nowhere else


def _name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: Metric) -> str:
    if not metric.samples:
        raise ValueError(f"{metric.name} was never used; use it in tools.metrics_page._used.")
    return ", ".join(code(label) for label in metric.samples[0].labels if label != "le")


def _listed(words: object) -> str:
    return ", ".join(code(word) for word in sorted(words))  # type: ignore[call-overload]
