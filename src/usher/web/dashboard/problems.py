"""What is wrong with a form, field by field, in whole sentences."""

from collections.abc import Mapping

from usher.errors import Conflict, InvalidInput, Problem

Problems = dict[str, Problem]


def by_field(error: InvalidInput, subjects: Mapping[str, str]) -> Problems:
    """
    Return the first problem of each field.

    Args:
        subjects: what begins the sentence about a field; a problem by itself says only "is …" or "must be …".
    """
    found: Problems = {}
    for problem in error.problems:
        subject = subjects.get(problem.field, problem.field)
        found.setdefault(problem.field, Problem(problem.field, f"{subject} {problem.problem}", problem.mend))
    return found


def taken(error: Conflict, field: str) -> Problems:
    """Return what stands in the way as a problem of the field that would clear it."""
    return {field: Problem(field, error.message, "")}
