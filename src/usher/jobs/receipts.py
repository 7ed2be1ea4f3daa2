"""What an erasure is answered with: what was removed, what Mapp still holds, and what is left to do. Names nobody."""

from dataclasses import dataclass

from usher.clock import iso_from_ms


@dataclass(frozen=True, slots=True)
class Removed:
    """How much of one kind went; *job_id* is None where it belonged to no job."""

    table: str
    job_id: str | None
    job_name: str
    count: int


@dataclass(frozen=True, slots=True)
class Held:
    """
    What one attribute in Mapp still holds of the person, as far as Usher was told.

    Args:
        account: the label of the Mapp authorization; blank where that is deleted.
        value: what Mapp last accepted ("true" or "false"), *accepted_ms* when; None where it accepted nothing.
        under_way: the value of a request that may be under way, or None.
        lands_until_ms: until when that may land.
    """

    job_id: str
    job_name: str
    account: str
    group_id: str
    attribute: str
    value: str | None
    accepted_ms: int | None
    under_way: str | None
    lands_until_ms: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What one erasure did.

    Args:
        member_hash: the first 12 digits of the keyed hash that is kept in the person's stead.
        shut: unreadable messages that could not be opened, because their key is missing; they may name the person.
        before: the (receipt, moment in ms) of an earlier erasure of the same person, or None.
    """

    id: str
    at_ms: int
    actor: str
    member_hash: str
    removed: list[Removed]
    held: list[Held]
    shut: list[int]
    before: tuple[str, int] | None

    @property
    def to_do(self) -> list[str]:
        """What only people can do, in sentences."""
        said = [_in_mapp(self.held), *_landing(self.held), *_earlier(self.before)]
        if self.shut:
            numbers = ", ".join(map(str, self.shut))
            said.append(f"Some unreadable messages cannot be opened and may name this person: {numbers}.")
        return [
            *said,
            "Delete the person in Lytics too. Until then, whatever it says of them is dropped and counted.",
            f"Backups made before {iso_from_ms(self.at_ms)} may hold them. After restoring one, erase them again.",
        ]


def _in_mapp(held: list[Held]) -> str:
    if not any(one.value or one.under_way for one in held):
        return "Usher knows of nothing that Mapp holds of this person; jobs deleted earlier may have written there."
    return (
        "Mapp keeps what is listed here, and what jobs deleted earlier wrote: delete the contact there, or clear the"
        " attribute. Usher sends nothing more for them, not even 'false'."
    )


def _landing(held: list[Held]) -> list[str]:
    ends = [one.lands_until_ms for one in held if one.lands_until_ms is not None]
    return [f"A request may still be under way until {iso_from_ms(max(ends))}; clear Mapp after that."] if ends else []


def _earlier(before: tuple[str, int] | None) -> list[str]:
    if before is None:
        return []
    receipt, at_ms = before
    return [f"This person was erased before, at {iso_from_ms(at_ms)}: receipt {receipt} says what Mapp held then."]
