"""What the product logs in a run goes into its trace; what it logs as a fault of its own breaks a promise."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from usher.errors import Unavailable
from usher.simulation.loop import PROCESS
from usher.simulation.stage import Stage
from usher.store.database import CommitInDoubt

AWAY = frozenset({Unavailable.__name__, CommitInDoubt.__name__})  # the ledger's; what failed is taken up again
OWN_FAULTS = frozenset({"error", "exception", "critical"})


@contextmanager
def listening(stage: Stage) -> Iterator[None]:
    """Take in every log event until the end of the block; afterwards all is as it was."""

    def take_in(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        process = PROCESS.get()
        who = process.name if process is not None else "outside"
        what = " ".join(f"{name}={value}" for name, value in sorted(event.items()) if name not in {"event", "exc_info"})
        stage.note(who, f"logs {event['event']} {what}".rstrip())
        if method in OWN_FAULTS and event.get("error") not in AWAY:
            stage.breaks("nothing fails by a fault of our own", f"{event['event']} {event.get('exc_info')!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[take_in], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
