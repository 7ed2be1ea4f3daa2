"""What the files under deploy/ name, taken apart into what can be checked."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import ROOT, text_of
from tools.metrics_page import metrics_page

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "usher.rules.yaml"
BOARD = DEPLOY / "grafana" / "usher.json"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts)
SELECTOR = re.compile(r"\b(usher_[a-z_]+)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
ROW = re.compile(r"^\| `(usher_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
NOT_METRICS = {"usher_receivers"}  # names in other files


def documented() -> dict[str, set[str]]:
    """Every series that Prometheus can hold, with its labels, as the reference says."""
    found: dict[str, set[str]] = {}
    for name, kind, labels in ROW.findall(metrics_page()):
        of = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            found |= {f"{name}_bucket": {*of, "le"}, f"{name}_sum": of, f"{name}_count": of}
        else:
            found[name] = of
    return found


def selectors_in(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every metric named in *text*, with the labels that it is narrowed by, and their values."""
    for name, narrowed in SELECTOR.findall(text):
        yield name, LABEL.findall(narrowed)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text_of(RULES))["groups"] for rule in group["rules"]]


def expressions() -> dict[str, str]:
    """Every expression that the rules and the board hold, by where it stands."""
    board = json.loads(text_of(BOARD))
    shown = {
        f"{panel['id']} {panel['title']} {one['refId']}": one["expr"]
        for panel in board["panels"]
        for one in panel["targets"]
    }
    asked = {f"variable {one['name']}": str(one["query"]) for one in board["templating"]["list"]}
    marked = {f"annotation {one['name']}": one["expr"] for one in board["annotations"]["list"]}
    return {rule["alert"]: rule["expr"] for rule in rules()} | shown | asked | marked


def commands_in(path: Path) -> list[list[str]]:
    """Every `usher` command that a file under deploy/ starts or recommends, as words."""
    text = text_of(path)
    said = [line.split("/usher ")[1] for line in text.splitlines() if line.startswith("ExecStart=")]
    said += re.findall(r"(?:`|: )usher ([a-z][^`\n]*?)(?:`|$)", text, re.MULTILINE)
    if path.name == "compose.yaml":
        services = yaml.safe_load(text)["services"]
        said += [" ".join(one["command"]) for one in services.values() if one["image"].startswith("usher:")]
    if path.name == "Containerfile":
        (started,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
        said.append(" ".join(json.loads(started)))
    return [one.replace("%i", "01").split() for one in said]
