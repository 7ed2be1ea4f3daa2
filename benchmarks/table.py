"""How a figure is shown: a line of a table for people, a line of JSON for programs."""

import json
import statistics
from collections.abc import Sequence

from benchmarks.delivery import Measured


def heading(unit: str) -> None:
    print(f"{'':44}{unit + ': median (least–most)':>34}{'CPU µs each':>12}{'of yardstick':>14}")


def show(name: str, measured: Sequence[Measured], ratios: Sequence[float]) -> None:
    rates = sorted(m.per_second for m in measured)
    median, cpu, ratio = (
        statistics.median(rates),
        statistics.median(m.cpu_micros for m in measured),
        statistics.median(ratios),
    )
    print(f"{name:44}{median:>10,.0f} ({rates[0]:,.0f}–{rates[-1]:,.0f}){cpu:>12.0f}{ratio:>14.2f}")
    print(json.dumps({"name": name, "per_second": rates, "cpu_micros": cpu, "of_yardstick": list(ratios)}))


def show_bytes(name: str, parts: dict[str, float], *, of: float) -> None:
    """Show bytes a person (or a change) by part, and the whole against *of*."""
    whole = sum(parts.values())
    print(f"{name:44}{whole:>10,.0f} bytes{'':27}{whole / of:>14.2f}")
    sizes = {part: round(size, 1) for part, size in parts.items()}
    print(json.dumps({"name": name, "bytes": sizes, "of_yardstick": [whole / of]}))
