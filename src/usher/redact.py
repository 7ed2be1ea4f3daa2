"""How a member's identifier may be shown to those who must not see it in full."""

import re

SHORT_CHARS = 5  # below, a member may be part of any word
ADDRESS = re.compile(r"[^\s@\"'<>(){}\[\]=,;:/\\|&?]{1,64}@[^\s@\"'<>(){}\[\]=,;:/\\|&?]{1,255}")
LONGEST_ENDING = 7  # of a domain: ".com", ".example"; a longer one may be somebody's name


def mask_member(member: str) -> str:
    """
    Keep enough of *member* for its owner to recognise it, too little for anybody else.

    "jo.public@example.com" -> "j***@e***.com"; "user-1234" -> "u***".
    """
    name, at, domain = member.partition("@")
    if not at:
        return f"{member[:1]}***"
    _, dot, ending = domain.rpartition(".")
    shown = f".{ending}" if dot and len(ending) <= LONGEST_ENDING else ""
    return f"{name[:1]}***@{domain[:1]}***{shown}"


def without_member(text: str, member: str) -> str:
    """Mask *member* wherever *text* names it, in any case; a short one only as a word of its own."""
    if not member:
        return text
    named = re.escape(member)
    pattern = named if len(member) >= SHORT_CHARS else rf"(?<!\w){named}(?!\w)"
    return re.sub(pattern, lambda _: mask_member(member), text, flags=re.IGNORECASE)


def without_addresses(text: str) -> str:
    """Mask whatever looks like an e-mail address, whoever's it is: for texts of which nobody knows whom they name."""
    return ADDRESS.sub(lambda found: mask_member(found[0]), text) if "@" in text else text
