"""How the outcome of the mutants is told: a score for each module, and why each survivor does no harm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.markdown import code, table
from tools.mutations import Mutation

INTRODUCTION = """\
<!-- Written by `make mutants`; the explanations are kept in tools/survivors.toml. -->

A test that passes shows little until something is broken and it fails.
So each rule in `usher.domain` is broken on purpose, in one small place at a time: a comparison turned or moved by one,
a sum made a difference, `and` made `or`, a number raised by one, a word blanked, an element of a list left out,
a statement deleted, a result dropped. The tests of that rule run against each such mutant.
One that they notice is killed. Sentences that people read are left alone: they state no rule."""


@dataclass(frozen=True, slots=True)
class Score:
    """
    What came of the mutants of one module.

    Args:
        alive: those that no test noticed.
        explained: why a mutant does no harm, by its name.
    """

    module: str
    tried: int
    alive: tuple[Mutation, ...]
    explained: Mapping[str, str]

    @property
    def killed(self) -> int:
        return self.tried - len(self.alive)

    @property
    def unexplained(self) -> tuple[Mutation, ...]:
        return tuple(mutation for mutation in self.alive if mutation.name not in self.explained)

    @property
    def idle_explanations(self) -> tuple[str, ...]:
        """Explanations of what does not survive, or is not there any more."""
        return tuple(set(self.explained) - {mutation.name for mutation in self.alive})


def mutants_page(scores: Sequence[Score]) -> str:
    """Lay out the page."""
    tried, killed = sum(score.tried for score in scores), sum(score.killed for score in scores)
    blocks = [
        "# Mutants",
        INTRODUCTION,
        f"**{killed:,} of {tried:,} mutants are killed: {_percent(killed, tried)}.** Each survivor is explained below.",
        table(
            ("Module", "Mutants", "Killed", "Share"),
            [(code(one.module), str(one.tried), str(one.killed), _percent(one.killed, one.tried)) for one in scores],
        ),
        "## Survivors",
        *(_survivors(score) for score in scores if score.alive),
    ]
    return "\n\n".join(blocks) + "\n"


def _survivors(score: Score) -> str:
    rows = [(code(one.name), score.explained.get(one.name, "**Not explained.**")) for one in score.alive]
    return f"### {score.module}\n\n{table(('Mutant', 'Why no test can tell it, or need not'), rows)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
