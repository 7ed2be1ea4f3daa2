"""What happened in one run, as lines that people read; the same run gives the same bytes."""

from dataclasses import dataclass, field


@dataclass
class Trace:
    """The lines so far, each with the virtual second at which it happened."""

    lines: list[str] = field(default_factory=list)

    def note(self, at: float, who: str, what: str) -> None:
        self.lines.append(f"{at:10.3f}  {who:<8}{what}")

    def text(self, *, last: int | None = None) -> str:
        """Return the *last* lines, or all."""
        shown = self.lines if last is None else self.lines[-last:]
        left = len(self.lines) - len(shown)
        return "\n".join([f"({left:,} lines before; --trace shows them)"] * bool(left) + shown)
