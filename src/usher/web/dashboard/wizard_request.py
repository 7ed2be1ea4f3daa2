"""The request that a job would make, taken apart so that a page can mark what matters in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from usher.mapp.client import PreparedRequest


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """*body* holds names and values as JSON writes them, and whether the pair is the job's attribute."""

    line: str
    headers: Mapping[str, str]
    body: list[tuple[str, str, bool]]


def shown_request(request: PreparedRequest | None, *, attribute_key: str) -> ShownRequest | None:
    """Return *request* as a page shows it; None where it is not known."""
    if request is None:
        return None
    body: dict[str, str] = json.loads(request.body)
    written = [(_written(name), _written(value), name == attribute_key) for name, value in body.items()]
    return ShownRequest(request.url, request.headers, written)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
