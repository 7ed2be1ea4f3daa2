"""Who really is in the audience, now and at any moment before; versions are nanoseconds by Lytics' clock."""

from usher.domain.observation import NS_PER_MS


class People:
    """Names and all their changes. Nobody is inside before their first one."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._changes: dict[str, list[tuple[int, bool]]] = {name: [] for name in names}

    def move(self, name: str, *, is_in: bool, at_ms: int) -> int:
        """Let somebody enter or leave; return when (ms), which no other change of theirs shares."""
        changes = self._changes[name]
        if changes:
            at_ms = max(at_ms, changes[-1][0] // NS_PER_MS + 1)
        changes.append((at_ms * NS_PER_MS, is_in))
        return at_ms

    def is_in(self, name: str) -> bool:
        changes = self._changes[name]
        return bool(changes) and changes[-1][1]

    def was_in(self, name: str, at_ns: int) -> bool:
        return next((is_in for at, is_in in reversed(self._changes[name]) if at <= at_ns), False)

    def was_so_since(self, name: str, version: int, *, is_in: bool) -> bool:
        """Return whether somebody was in (or out) at *version* or at any moment since."""
        if self.was_in(name, version) is is_in:
            return True
        return any(at >= version and was is is_in for at, was in self._changes[name])

    def has_changed_since(self, name: str, at_ns: int) -> bool:
        return any(at >= at_ns for at, _ in self._changes[name])
