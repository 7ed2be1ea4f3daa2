"""
Which small faults are put into a module, one at a time, to see whether its tests notice.

Words that people read are left alone, as are docstrings, annotations and decorators: they state no rule.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
UNREAD = {"annotation", "returns", "decorator_list", "type_params"}
DELETED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Raise, ast.Continue, ast.Break, ast.Assert)
CONDITIONS = (ast.If, ast.IfExp, ast.While)
CONTAINERS = (ast.Tuple, ast.List, ast.Set, ast.Dict)
LONGEST_TEXT = 160
LONGEST_NAME = 60

Path = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """
    One fault.

    Args:
        name: where it is and what it changes, the same however the lines around it move.
        line: where it is today.
        source: the module as it is; *put* comes where *path* leads.
    """

    name: str
    line: int
    source: str = field(repr=False)
    path: Path = field(repr=False)
    put: ast.AST = field(repr=False)

    def tree(self) -> ast.Module:
        """Return the whole module with the fault in it."""
        tree = ast.parse(self.source)
        _put(tree, self.path, self.put)
        return ast.fix_missing_locations(tree)


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, how it is reached from the module, and what stands around it."""

    node: ast.AST
    path: Path
    scope: tuple[str, ...]
    parent: ast.AST
    is_in_function: bool


def mutations_of(source: str) -> list[Mutation]:
    """Return every mutation of a module's *source*, in the order of its text."""
    tree = ast.parse(source)
    found: list[Mutation] = []
    names: Counter[str] = Counter()
    for place in list(_places(tree, (), (), tree, is_in_function=False)):
        for put in list(_replacements(place)):
            name = f"{'.'.join(place.scope) or 'module'}: {_change(tree, place, put)}"
            names[name] += 1
            numbered = name if names[name] == 1 else f"{name} ({names[name]})"
            found.append(Mutation(numbered, getattr(place.node, "lineno", 0), source, place.path, put))
    return found


def _places(
    node: ast.AST, path: Path, scope: tuple[str, ...], parent: ast.AST, *, is_in_function: bool
) -> Iterator[_Place]:
    yield _Place(node, path, scope, parent, is_in_function)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = (*scope, node.name)
        is_in_function = not isinstance(node, ast.ClassDef)
    for name, value in ast.iter_fields(node):
        if name in UNREAD:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _is_docstring(child, node, index):
                yield from _places(child, (*path, (name, index)), scope, node, is_in_function=is_in_function)


def _is_docstring(node: ast.AST, parent: ast.AST, index: int | None) -> bool:
    is_body = isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and index == 0
    return is_body and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _replacements(place: _Place) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    node = place.node
    if isinstance(node, ast.expr):
        yield from _other_expressions(node)
    if isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    if isinstance(node, CONDITIONS) and not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if place.is_in_function and isinstance(node, DELETED):
        yield ast.Pass()


def _other_expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BinOp() if type(node.op) in ARITHMETIC and not _joins_types(node):
            yield _with(node, op=ARITHMETIC[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant():
            yield from (ast.Constant(value) for value in _other_values(node.value))
        case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
            yield from _without_one(node)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for which, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            yield _with(node, ops=[*node.ops[:which], other(), *node.ops[which + 1 :]])


def _other_values(value: object) -> tuple[str | int | float | bool, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int | float):
        return (value + 1,)
    if isinstance(value, str) and " " not in value:
        return ("" if value else "XX",)
    return ()


def _without_one(node: ast.Tuple | ast.List | ast.Set | ast.Dict) -> Iterator[ast.AST]:
    """Leave each element out once; what is assigned to is left alone."""
    if isinstance(node, ast.Dict):
        for which in range(len(node.keys)):
            yield _with(node, keys=_less(node.keys, which), values=_less(node.values, which))
    elif isinstance(getattr(node, "ctx", None), ast.Load | None) and not (
        isinstance(node, ast.Set) and len(node.elts) == 1
    ):
        yield from (_with(node, elts=_less(node.elts, which)) for which in range(len(node.elts)))


def _less(items: list[Any], which: int) -> list[Any]:
    return [*items[:which], *items[which + 1 :]]


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _joins_types(node: ast.BinOp) -> bool:
    """Whether it is a union of types, which may stand outside any annotation."""
    return isinstance(node.op, ast.BitOr) and all(
        isinstance(side, ast.Name | ast.BinOp) for side in (node.left, node.right)
    )


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _put(tree: ast.AST, path: Path, put: ast.AST) -> None:
    *way, (name, index) = path
    owner = _reached(tree, tuple(way))
    if index is None:
        setattr(owner, name, put)
    else:
        getattr(owner, name)[index] = put


def _reached(tree: ast.AST, path: Path) -> ast.AST:
    for name, index in path:
        held = getattr(tree, name)
        tree = held if index is None else held[index]
    return tree


def _change(tree: ast.Module, place: _Place, put: ast.AST) -> str:
    """Say it by the nearest expression or simple statement around the change that is more than one word."""
    if isinstance(place.node, CONTAINERS):
        return f"{_said(place.node)[:LONGEST_NAME]} without {_left_out(place.node, put)}"
    way = place.path
    if isinstance(place.node, ast.Constant) or not isinstance(place.node, ast.expr | ast.stmt):
        way = way[:-1]
    while isinstance(_reached(tree, way), ast.keyword | ast.arguments | ast.FormattedValue | ast.JoinedStr):
        way = way[:-1]
    was = _said(_reached(tree, way))
    _put(tree, place.path, put)
    now = _said(_reached(tree, way))
    _put(tree, place.path, place.node)
    return f"{was} -> {now}"


def _left_out(node: ast.AST, put: ast.AST) -> str:
    held = "keys" if isinstance(node, ast.Dict) else "elts"
    kept = {id(one) for one in getattr(put, held)}
    return next(_said(one) for one in getattr(node, held) if id(one) not in kept)


def _said(node: ast.AST) -> str:
    first = ast.unparse(node) if not isinstance(node, ast.Pass) else "(deleted)"
    if isinstance(node, ast.FunctionDef):
        first = f"def {node.name}({ast.unparse(node.args)})"
    elif isinstance(node, ast.If | ast.While):
        first = f"if {ast.unparse(node.test)}"
    return " ".join(first.split())[:LONGEST_TEXT]
