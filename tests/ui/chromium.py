"""Which browser the tests drive: the system's own Chromium, so that nothing is downloaded behind anybody's back."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "THE DASHBOARD WAS NOT TESTED: no Chromium here. Install it (Debian: apt-get install chromium),"
    " or name one with CHROMIUM=/path/to/it, and run this again."
)


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


def is_needed() -> bool:
    """Whether a run without a browser is a failure: so in CI."""
    return os.environ.get("NEED_CHROMIUM") == "1"
