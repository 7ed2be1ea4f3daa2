"""When triggers have ceased to carry a job's identifier, and when they carry it again."""

from dataclasses import dataclass

JUDGED = 50  # triggers at least, since the last judgement
MOST_SHARE = 0.2  # more than usual


@dataclass(frozen=True, slots=True)
class Triggers:
    """How many triggers came, and how many of them named nobody."""

    received: int
    unnamed: int

    @property
    def share(self) -> float:
        return self.unnamed / self.received if self.received else 0.0

    def since(self, before: "Triggers") -> "Triggers":
        return Triggers(self.received - before.received, self.unnamed - before.unnamed)


def have_lost_identifier(lately: Triggers, *, usual: float) -> bool | None:
    """
    Return whether triggers have ceased to carry the identifier, or None where too few came to tell.

    Args:
        usual: the share (0..1) of people who never had one.
    """
    return None if lately.received < JUDGED else lately.share > MOST_SHARE + usual
