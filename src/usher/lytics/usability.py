"""Why an audience cannot be exported, in words that say what mends it; nothing is guessed about who is in it."""

from usher.lytics.audiences import Audience

BY_ITSELF = "The job goes on by itself once Lytics has it again."


def why_unusable(audience: Audience | None, *, name: str) -> str | None:
    """
    Return why *audience* cannot be read, or None where it can.

    Args:
        audience: None where Lytics has none by that id.
        name: what it was called when the job was made.
    """
    if audience is None or audience.is_deleted:
        return (
            f"The audience {name!r} is no longer in Lytics: it was deleted, or has expired."
            f" Bring it back in Lytics, or duplicate this job with another audience. {BY_ITSELF}"
        )
    if not audience.is_valid:
        reason = audience.invalid_reason or "no reason given"
        return f"Lytics calls the audience {name!r} invalid ({reason}). Mend it in Lytics. {BY_ITSELF}"
    return None


def why_unlisted(field: str) -> str:
    """Return what is said of an identifier field that the schema no longer lists."""
    return (
        f"The identifier field {field!r} is no longer in Lytics' schema. Bring it back in Lytics."
        " The job goes on by itself once the schema lists it again."
    )


def why_withheld(name: str) -> str:
    """Return what is said of an audience that Lytics refuses to a token which it takes otherwise."""
    return (
        f"Lytics does not show the audience {name!r} to this authorization's token any more: it may have become"
        f" private. Let the token read it. {BY_ITSELF}"
    )
