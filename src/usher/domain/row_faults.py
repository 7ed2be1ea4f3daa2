"""When so many rows are rejected that the fault must be the job's."""

from collections import deque

SENDS = 20
SHARE = 0.5


class RowFaults:
    """The last SENDS definite answers of one job."""

    def __init__(self) -> None:
        self._answers: deque[tuple[int, bool]] = deque()
        self._rejected = 0

    @property
    def since_ms(self) -> int | None:
        """When the oldest of them came."""
        return self._answers[0][0] if self._answers else None

    def note(self, *, is_rejected: bool, now_ms: int) -> bool:
        """Count one definite answer; return whether the job itself is now at fault."""
        self._answers.append((now_ms, is_rejected))
        self._rejected += is_rejected
        if len(self._answers) > SENDS:
            self._rejected -= self._answers.popleft()[1]
        return len(self._answers) == SENDS and self._rejected >= SHARE * SENDS
