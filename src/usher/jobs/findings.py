"""What speaks against a job: problems to mend, another job in the way, or a vendor that cannot be asked."""

from dataclasses import dataclass, field

from usher.errors import Conflict, InvalidInput, Problem, RemoteUnknown, RemoteUnreachable, Unavailable, UsherError


@dataclass(slots=True)
class Findings:
    """
    Everything that was found, in the order it was looked for.

    Args:
        conflicts: which live jobs write the same attribute.
        unreachable: which vendor could not be asked, and why.
        warnings: what does not stand in the way, but should be known; each with the next step.
    """

    problems: list[Problem] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def take_error(self, error: UsherError, *, field: str, system: str, mend: str) -> None:
        """Note that *system* did not answer the question about *field*: unreachable for now, or a problem."""
        if isinstance(error, RemoteUnreachable | RemoteUnknown):
            self.unreachable.append(f"{system} cannot be reached: {error.message}")
        else:
            self.problems.append(Problem(field, f"{system} cannot be used: {error.message}", mend))

    def add(self, other: "Findings") -> None:
        self.problems += other.problems
        self.conflicts += other.conflicts
        self.unreachable += other.unreachable
        self.warnings += other.warnings

    def as_problems(self) -> list[Problem]:
        """Return everything that stands in the way, as problems."""
        return [
            *self.problems,
            *(Problem("config", conflict, "") for conflict in self.conflicts),
            *(Problem("auth_ids", said, "Ask again when it answers.") for said in self.unreachable),
        ]

    def refuse(self) -> None:
        """
        Raise what stands in the way, if anything does.

        Raises:
            InvalidInput: something must be mended; all that was found is named with it.
            Conflict: nothing but another live job stands in the way.
            Unavailable: nothing but a vendor's silence does; ask again later.
        """
        if self.problems:
            raise InvalidInput(*self.as_problems())
        if self.conflicts:
            raise Conflict(" ".join(self.conflicts))
        if self.unreachable:
            raise Unavailable(f"{' '.join(self.unreachable)} Nothing was changed.", retry_after_seconds=30)
