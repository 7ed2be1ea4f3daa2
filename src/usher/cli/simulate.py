"""`usher simulate`: Usher's work in virtual time, seed after seed, with every promise looked at after every commit."""

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from usher.cli.output import console, duration, print_json, say

if TYPE_CHECKING:
    from usher.simulation.many import Found, Told, Total

LINE_SECONDS = 10.0  # between plain lines, where no terminal can show a moving bar


def simulate(  # noqa: PLR0917 - Typer reads the options from here
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first seed.")] = 1,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds to run.")] = 100,
    minutes: Annotated[
        float | None, typer.Option("--for", min=0, help="Run seeds for so many minutes, however many that are.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that run them.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Print everything that happened in each seed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run Usher in virtual time, with all that can fail failing as each seed says, and check every promise."""
    from usher.simulation.many import find, run_many  # noqa: PLC0415 - keeps `usher --help` fast

    if trace:
        _say_traces(find(one, is_whole=True) for one in range(seed, seed + seeds))
        return
    count = None if minutes is not None else seeds
    seconds = None if minutes is None else minutes * 60
    with ExitStack() as shown:
        told = _silent if as_json else _watched(count, shown)
        total = run_many(seed, count, seconds=seconds, workers=workers, clock=time.monotonic, told=told)
    print_json(
        asdict(total) | {"per_second": total.per_second, "failures": len(total.broken)}
    ) if as_json else _say_total(total)
    if total.broken:
        raise typer.Exit(1)


def _say_traces(each: "Iterable[Found]") -> None:
    is_broken = False
    for found in each:
        is_broken |= found.is_broken
        _say_found(found)
    if is_broken:
        raise typer.Exit(1)


def _say_found(found: "Found") -> None:
    sys.stdout.write("\n".join([f"seed {found.seed}", *found.world, "", found.trace, ""]) + "\n")
    if found.is_broken:
        say(f"seed {found.seed} breaks a promise: {found.promise}", style="red")
        say(f"  {found.seen}")


def _say_total(total: "Total") -> None:
    for found in total.broken:
        _say_found(found)
    many = f"{total.seeds:,} seeds from {total.first} in {duration(total.seconds)}, {total.per_second:.1f} a second"
    lived = f"{duration(total.virtual_seconds)} lived through, {total.requests:,} requests to Mapp"
    verdict = f"{len(total.broken):,} broke a promise" if total.broken else "every promise held"
    say(f"{many}; {lived}; {verdict}.", style="red" if total.broken else "green")
    if total.broken:
        say(f"The same again, with everything: usher simulate --seed {total.broken[0].seed} --seeds 1 --trace")


def _silent(_total: "Total") -> None:
    """Nobody watches."""


def _watched(count: int | None, shown: ExitStack) -> "Told":
    return _bar(count, shown) if sys.stdout.isatty() else _lines()


def _bar(count: int | None, shown: ExitStack) -> "Told":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 - for `usher --help`

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    progress = shown.enter_context(Progress(*columns, console=console(), transient=True))
    task = progress.add_task("seeds", total=count, said="")
    return lambda total: progress.update(task, completed=total.seeds, said=_said(total))


def _lines() -> Callable[["Total"], None]:
    next_line = LINE_SECONDS

    def told(total: "Total") -> None:
        nonlocal next_line
        if total.seconds >= next_line:
            next_line = total.seconds + LINE_SECONDS
            say(_said(total))

    return told


def _said(total: "Total") -> str:
    broken = f", {len(total.broken):,} broke a promise" if total.broken else ""
    return f"{total.seeds:,} seeds, {total.per_second:.1f} a second{broken}"
