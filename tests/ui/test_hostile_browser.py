"""The worst of the texts in a real browser: no script of theirs runs, no box opens, nothing is complained of."""

import html
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.dashboard.hostile import LABELS, UNPRINTABLE
from tests.ui.browsing import Window
from tests.ui.house import House, until

TEXTS = LABELS[:12]
FOREIGN = "[pwn], [onerror], [onload], [onfocus], [onmouseover], iframe, main script, main img, b[pwn]"


@pytest.fixture(scope="module")
def jobs(house: House) -> dict[str, str]:
    """One job of each label; one member of each text is set aside, for a reason in the same words."""
    auth_ids = house.authorize()
    house.api("POST", "/v2/auth/lytics-token", _authorization(house))
    for text in TEXTS:
        said = {"message": html.escape(text)}
        house.control("POST", "/faults", {"where": "mapp.event", "kind": "status", "status": 400, "body": said})
        break
    return {
        text: house.create_job(text, auth_ids, mapp_attribute_name=f"{number} {text}"[:80])
        for number, text in enumerate(TEXTS)
    }


def _authorization(house: House) -> dict[str, object]:
    config = {"api_url": f"{house.sandbox}/lytics", "token": "sandbox-lytics-token"}
    return {"label": TEXTS[0], "description": "\n".join(UNPRINTABLE), "config": config}
