"""How a figure, or a sentence written for a log or a command line, reads on a page, where nobody types commands."""

import re

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def plain(text: str) -> str:
    """
    Return *text* without names of commands in brackets, and with what Usher's log calls things in a marketer's words.

    Other people's words are left as they are: only whole phrases of Usher's own are replaced.
    """
    for phrase, words in _PHRASES:
        text = phrase.sub(words, text)
    return text


_PHRASES = tuple(
    (re.compile(phrase), words)
    for phrase, words in (
        (r" \((?:confirm-removals|discard-removals|bounce|resend|reconcile)\)", ""),
        (r"\bStarted a (?:backfill|baseline) scan of the audience\b", "Began to read the audience from Lytics"),
        (r"\bStarted a reconcile scan of the audience\b", "Began to compare the whole audience"),
        (r"\bThe (?:backfill|baseline) scan (saw|stopped|cannot)\b", r"The reading of the audience \1"),
        (r"\bThe reconcile scan (saw|stopped|cannot)\b", r"The comparison \1"),
        (r"\bA (?:scan|reconcile) (found|finds) (that|what)\b", r"A comparison \1 \2"),
        (r"\bwhom a scan did not find\b", "whom a comparison did not find"),
        (r"^Killed by ", "Terminated by "),
    )
)


def about(seconds: float) -> str:
    """Return a span in words: 1.84 -> "about 2 seconds"; 1740 -> "about 29 minutes"; 0.4 -> "under a second"."""
    if seconds < 1:
        return "under a second"
    for size, word, upto in ((1, "second", MINUTE), (MINUTE, "minute", 90 * MINUTE), (HOUR, "hour", 2 * DAY)):
        if seconds < upto:
            return _count(seconds / size, word)
    return _count(seconds / DAY, "day")


def _count(figure: float, word: str) -> str:
    count = round(figure)
    return f"about {'an' if word == 'hour' else 'a'} {word}" if count == 1 else f"about {count:,} {word}s"
