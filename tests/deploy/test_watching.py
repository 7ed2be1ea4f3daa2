"""The rules and the board watch metrics that exist, by labels and values that exist."""

import json
import shutil
import subprocess

import pytest
import yaml

from tests.deploy.naming import BOARD, DEPLOY, RULES, documented, expressions, rules, selectors_in
from tests.docs.pages import ROOT, text_of
from tools.counters import COUNTERS
from usher.domain.job import Status
from usher.engine.telemetry import OUTCOMES
from usher.jobs.figures import KINDS, LANES, MEMBERS
from usher.web.receiver import ANSWERS

VALUES = {
    "answer": set(ANSWERS),
    "event": set(COUNTERS),
    "kind": set(KINDS),
    "lane": set(LANES),
    "outcome": set(OUTCOMES),
    "state": set(MEMBERS),
    "status": set(Status),
}
EXPRESSIONS = expressions()
WATCH = ROOT / "docs" / "how-to" / "watch.md"


def wrong_in(expression: str) -> list[str]:
    """Every metric, label or value that *expression* names and that does not exist."""
    known, wrong = documented(), []
    for metric, narrowed in selectors_in(expression):
        labels = {label for label, _ in narrowed}
        wrong += [metric] if metric not in known else [f"{metric}.{label}" for label in labels - known[metric]]
        wrong += [
            f"{label}={value}"
            for label, values in narrowed
            for value in values.split("|")
            if label in VALUES and value not in VALUES[label]
        ]
    return wrong


@pytest.mark.parametrize("place", sorted(EXPRESSIONS))
def test_every_metric_label_and_value_that_is_watched_exists(place: str) -> None:
    assert wrong_in(EXPRESSIONS[place]) == []


def test_what_does_not_exist_would_be_found() -> None:
    assert wrong_in("usher_job_membres > 0") == ["usher_job_membres"]
    assert wrong_in('usher_workers{job="x"}') == ["usher_workers.job"]
    assert wrong_in('usher_job_members{state="away"}') == ["state=away"]
    assert wrong_in('usher_trigger_messages_total{answer=~"busy|lazy"}') == ["answer=lazy"]
    assert wrong_in('sum(usher_attempt_seconds_bucket{le="5"})') == []


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "action"}
        assert all(text.endswith(".") for text in rule["annotations"].values()), rule["alert"]


def test_every_rule_is_explained_and_nothing_else_is() -> None:
    named = {name for name in text_of(WATCH).split("`") if name.startswith("Usher") and name.isalpha()}

    assert named == {rule["alert"] for rule in rules()}


def test_what_every_service_shows_alike_is_never_added_up() -> None:
    for place, expression in EXPRESSIONS.items():
        for piece in expression.split("sum")[1:]:
            inner = piece.split("by")[-1] if piece.lstrip().startswith("by") else piece
            assert not inner.lstrip("( ").startswith("usher_job"), place


def test_the_board_has_one_place_for_each_panel() -> None:
    panels = json.loads(text_of(BOARD))["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]

    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"].endswith(".") for panel in panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_what_is_scraped_are_ports_that_the_units_open() -> None:
    scraped = yaml.safe_load(text_of(DEPLOY / "prometheus" / "prometheus.yaml"))
    targets = [
        target for one in scraped["scrape_configs"] for each in one["static_configs"] for target in each["targets"]
    ]

    assert scraped["rule_files"] == [RULES.name]
    assert targets == ["127.0.0.1:8080", "127.0.0.1:9101", "127.0.0.1:9102"]
    assert "--port 91%i" in text_of(DEPLOY / "systemd" / "usher-worker@.service")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed; see docs/how-to/watch.md")
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "usher.rules.yaml"),
        ("check", "config", "--syntax-only", "prometheus.yaml"),
        ("test", "rules", "usher.rules.test.yaml"),
    ],
    ids=["rules", "config", "tests of rules"],
)
def test_prometheus_itself_takes_the_rules(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
