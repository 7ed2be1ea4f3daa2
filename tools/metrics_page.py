"""What `/metrics` shows, from the registry itself, after each instrument was used once."""

from collections import Counter

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from tools.counters import COUNTERS, FATES
from tools.markdown import code, page, table
from usher.domain.intake import Intake
from usher.domain.outcome import Accepted
from usher.engine.telemetry import NAMES, Telemetry
from usher.web.receiver import WORDS

PEOPLE = "People of a job: `total`, `in`, `due`, `aside`, and `held`: those of `due` that wait at the removal brake."


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
        f"`outcome` is one of {_listed(NAMES.values())}.\n"
        f"`answer` is `accepted`, `disconnected` or one of {_listed(WORDS)}.",
        "## Since the job was made",
        "These are read from the database at the moment of asking, so a restart loses nothing.\n"
        "Each series of a job begins at zero, but for those with a REASON.",
        table(
            ("Metric", "Type", "Labels", "Meaning"),
            [
                ("`usher_job_members`", "gauge", "`job`, `state`", PEOPLE),
                ("`usher_job_status`", "gauge", "`job`, `status`", "1 for the status a job has."),
                ("`usher_job_events_total`", "counter", "`job`, `event`", "What was counted for a job; see below."),
            ],
        ),
        "`job` is `none` for what belongs to no job.",
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
    return telemetry.registry


def _name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: Metric) -> str:
    if not metric.samples:
        raise ValueError(f"{metric.name} was never used; use it in tools.metrics_page._used.")
    return ", ".join(code(label) for label in metric.samples[0].labels if label != "le")


def _listed(words: object) -> str:
    return ", ".join(code(word) for word in sorted(words))  # type: ignore[call-overload]
