"""The faults that `make mutants` plants: named alike however lines move, each explanation of one still true."""

import ast

import pytest

from tools.mutants import EXPLAINED, RULES, read_explanations
from tools.mutations import mutations_of

SOURCE = '''
"""A rule."""
LIMITS: tuple[int, ...] = (1, 2)


def stops(leaving: int, *, inside: int = 5) -> bool:
    """Say whether too many leave."""
    share = leaving / inside
    return not share < 0.5 and leaving > 0
'''
EXPECTED = {
    "module: (1, 2) without 2",
    "module: (1, 2) -> (2, 2)",
    "stops: def stops(leaving: int, *, inside: int=5) -> def stops(leaving: int, *, inside: int=6)",
    "stops: share = leaving / inside -> (deleted)",
    "stops: leaving / inside -> leaving * inside",
    "stops: return not share < 0.5 and leaving > 0 -> return None",
    "stops: not share < 0.5 and leaving > 0 -> not share < 0.5 or leaving > 0",
    "stops: not share < 0.5 -> share < 0.5",
    "stops: share < 0.5 -> share <= 0.5",
    "stops: share < 0.5 -> share >= 0.5",
    "stops: share < 0.5 -> share < 1.5",
    "stops: leaving > 0 -> leaving >= 0",
    "stops: leaving > 0 -> leaving <= 0",
    "stops: leaving > 0 -> leaving > 1",
}


def test_every_kind_of_fault_is_planted_and_no_docstring_or_annotation_is_touched() -> None:
    names = {mutation.name for mutation in mutations_of(SOURCE)}
    assert names >= EXPECTED
    assert not [name for name in names if "A rule" in name or "Say whether" in name or "tuple" in name]


def test_each_fault_changes_the_module_and_can_be_told_from_the_others() -> None:
    mutations = mutations_of(SOURCE)
    assert len({mutation.name for mutation in mutations}) == len(mutations)
    assert ast.unparse(ast.parse(SOURCE)) not in {ast.unparse(mutation.tree()) for mutation in mutations}


def test_a_fault_keeps_its_name_when_lines_around_it_move() -> None:
    assert [one.name for one in mutations_of("# more\n\n" + SOURCE)] == [one.name for one in mutations_of(SOURCE)]


@pytest.mark.parametrize("module", sorted(read_explanations(EXPLAINED).by_module))
def test_each_explanation_is_of_a_fault_that_can_be_planted(module: str) -> None:
    there = {mutation.name for mutation in mutations_of((RULES / f"{module}.py").read_text())}
    assert set(read_explanations(EXPLAINED).of(module)) <= there
