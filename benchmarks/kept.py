"""docs/performance.json: for each subject, the figures of its last full run and the machine they were taken on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import Figure, figure_of
from benchmarks.machine import ROOT, Machine

KEPT = ROOT / "docs/performance.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One subject, measured."""

    machine: Machine
    figures: tuple[Figure, ...]


def read_kept(path: Path = KEPT) -> dict[str, Run]:
    """Return the last run of every subject that was measured; none where there is no file."""
    if not path.exists():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return {
        subject: Run(Machine(**run["machine"]), tuple(figure_of(figure) for figure in run["figures"]))
        for subject, run in told.items()
    }


def keep(subject: str, machine: Machine, figures: Sequence[Figure], path: Path = KEPT) -> None:
    """Put this run in the place of the subject's last one; those of other subjects stay."""
    runs = read_kept(path) | {subject: Run(machine, tuple(figures))}
    path.write_text(_told(runs), encoding="utf-8")


def _told(runs: Mapping[str, Run]) -> str:
    """Return JSON with a line for each figure, so that a difference shows which ones moved."""
    subjects = [
        f' {json.dumps(name)}: {{"machine": {json.dumps(asdict(run.machine))}, "figures": [\n'
        + ",\n".join(f"  {json.dumps(figure.to_json())}" for figure in run.figures)
        + "\n ]}"
        for name, run in sorted(runs.items())
    ]
    return "{\n" + ",\n".join(subjects) + "\n}\n"
