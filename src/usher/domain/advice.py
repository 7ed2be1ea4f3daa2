"""
What a person can do about people whom Mapp rejected, from the reason that was kept.

How Connect words a refusal is unknown (facts: only 200 is documented). These are Engage's codes and words, inferred for
Connect; whatever matches none of them gets general advice, with Mapp's own words beside it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """A reason in plain words, and what to do about it, in a sentence or two."""

    title: str
    what_to_do: str


GENERAL = Advice(
    "Mapp refused these people",
    "Mend what Mapp's own words name, retry one of them, and the rest when that works.",
)

# The order matters: a sentence about somebody's membership names the group too.
_KNOWN: tuple[tuple[str, Advice], ...] = (
    (
        r"is a word that Mapp obeys",
        Advice(
            "The attribute has a name that Mapp obeys",
            "Choose another Mapp Attribute in this job. Retrying alone will not help.",
        ),
    ),
    (
        r"black.?list|block.?list|BLACKLISTED",
        Advice(
            "On Mapp's blacklist",
            "Take them off the blacklist in Mapp if that is right, then retry. Otherwise there is nothing to do.",
        ),
    ),
    (
        r"unsubscri|opt(?:ed)?[ _-]?out",
        Advice("Unsubscribed in Mapp", "Nothing to do: who unsubscribed is not added back."),
    ),
    (
        r"MISSING_FIELD|mandatory|(?:required|missing) (?:field|parameter)",
        Advice(
            "Mapp misses a field",
            "Look at the mapping of this integration in Mapp: it asks for a field that an export does not hold."
            " Mend it there, then retry.",
        ),
    ),
    (
        r"\b(?:mapping|attribute)\b",
        Advice(
            "Mapp does not take the attribute",
            "Create the attribute in Mapp and map it in the integration, then retry.",
        ),
    ),
    (
        r"\bgroup\b",
        Advice(
            "Mapp does not take the group",
            "Check in Mapp that the group exists and is not archived, and the Group ID of this job. Then retry.",
        ),
    ),
    (
        r"too long|at most|\b(?:max(?:imum)?|length|characters)\b",
        Advice(
            "Longer than Mapp allows",
            "Shorten the identifier in Lytics, or choose another Identifier Field. Retrying alone will not help.",
        ),
    ),
    (
        r"NO_SUCH|no such|does not exist|not found|unknown (?:user|contact|recipient|member)",
        Advice(
            "Mapp does not know these people",
            "Wait until Mapp has them as contacts, then retry."
            " A job with create_users makes contacts of them by itself.",
        ),
    ),
    (
        r"already exists|duplicate",
        Advice(
            "Mapp has somebody else by this identifier",
            "Look for the contact in Mapp and join or correct the two, then retry.",
        ),
    ),
    (
        r"INVALID_|invalid|not (?:a )?valid|malformed|syntax|illegal",
        Advice(
            "Mapp calls a value not valid",
            "Correct the identifier in Lytics; the corrected one comes by itself. Retrying alone will not help.",
        ),
    ),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), advice) for pattern, advice in _KNOWN)


def advice_for(reason: str) -> Advice:
    """Return what a person can do about those who were set aside for *reason*, Mapp's words as they were kept."""
    return next((advice for pattern, advice in _PATTERNS if pattern.search(reason)), GENERAL)
