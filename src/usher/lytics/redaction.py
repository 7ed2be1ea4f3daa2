"""
Whether Lytics hides a field's values from this token.

Lytics redacts personal fields on its side for tokens without "PII View" (facts/lytics.md A1, confirmed);
exporting what it puts in their place would write nonsense to Mapp.
"""

import re

MASKED = re.compile(r"\*{3}|•{3}|^[*•xX#.\-]{3,}$|redacted|\bhidden\b|\bmasked\b", re.IGNORECASE)


def looks_redacted(value: object) -> bool:
    """
    Return whether *value* looks like a mask; of a list or a map, whether any part does.

    Inferred: what Lytics writes in place of a value is unknown, so this knows the usual masks
    ("***", "j***@e***.com", "xxxx", "[REDACTED]"). One value alone must not decide; half a sample does.
    """
    if isinstance(value, dict):
        return looks_redacted([*value, *value.values()])
    if isinstance(value, list):
        return any(looks_redacted(part) for part in value)
    return isinstance(value, str) and MASKED.search(value.strip()) is not None
