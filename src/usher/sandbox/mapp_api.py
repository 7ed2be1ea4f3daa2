"""
Mapp Connect as its clients see it.

The statuses of refusals are guesses: Mapp publishes none for Connect (unknown).
200 with an empty body means accepted, not applied (200 confirmed, the body unknown).
"""

from dataclasses import dataclass
from typing import Any

from usher.clock import Clock
from usher.sandbox.applier import Applier
from usher.sandbox.exchange import Answer, BadJsonError, Call, Handler, json_answer
from usher.sandbox.mapp_ledger import Arrival, MappLedger
from usher.sandbox.mapp_state import MappState
from usher.sandbox.signature import refusal

ACCEPTED = Answer(200)
PREFIX = b"/mapp"  # a proxy's prefix, which is not signed


@dataclass(slots=True)
class MappApi:
    """The Connect calls; the signature is checked before anything else is looked at."""

    state: MappState
    ledger: MappLedger
    applier: Applier
    clock: Clock

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below the integration, place, handler)."""
        return [
            ("POST", "event", "mapp.event", self.event),
            ("GET", "ping", "mapp.ping", self.ping),
            ("POST", "connect", "mapp.connect", self.connect),
            ("GET", "group", "mapp.group", self.group),
            ("GET", "message", "mapp.message", self.message),
        ]

    async def event(self, call: Call) -> Answer:
        refused = self._refused(call)
        if refused is not None:
            return refused
        arrival: Arrival = call.note
        if not isinstance(arrival.event, dict):
            return _error(400, "The body is not a JSON object")
        self.ledger.accepted(arrival)
        self.applier.put(self._landing(call, arrival), late_seconds=call.land_after_seconds)
        return ACCEPTED

    async def ping(self, call: Call) -> Answer:
        return self._refused(call) or json_answer(
            {"pong": True, "integrationId": self.state.integration_id, "timestamp": self.clock.now_ms()}
        )

    async def group(self, call: Call) -> Answer:
        return self._refused(call) or json_answer(self.state.groups)

    async def message(self, call: Call) -> Answer:
        return self._refused(call) or json_answer({})

    async def connect(self, call: Call) -> Answer:
        """Groups to be created are made, as for the Salesforce plug-in (confirmed)."""
        refused = self._refused(call)
        if refused is not None:
            return refused
        try:
            names = call.json_object().get("groupNamesToBeCreated", [])
        except BadJsonError as error:
            return _error(400, str(error))
        made = {str(name): self._new_group(str(name)) for name in names}
        return json_answer({"connectionStatus": "CONNECTED", "groupNamesAndIds": made})

    def _landing(self, call: Call, arrival: Arrival) -> Any:
        is_user = b"subtype=user" in call.scope["query_string"].split(b"&")

        def land() -> None:
            if is_user:
                self.state.apply(arrival.event)
            else:
                self.state.report("SUBTYPE_NOT_MAPPED", arrival.event)
            self.ledger.applied(arrival)

        return land

    def _new_group(self, name: str) -> int:
        group_id = max(int(known) for known in self.state.groups) + 1
        self.state.groups[str(group_id)] = name
        return group_id

    def _refused(self, call: Call) -> Answer | None:
        if call.params["integration_id"] != self.state.integration_id:
            return _error(404, "Unknown integration")
        scope = call.scope
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        reason = refusal(
            call.header(b"auth-token"),
            secret=self.state.secret,
            path=raw_path.removeprefix(PREFIX),
            body=call.body,
            query=scope["query_string"],
            now_ms=self.clock.now_ms(),
        )
        return None if reason is None else _error(401, reason)


def _error(status: int, message: str) -> Answer:
    return json_answer({"errorActor": "CLIENT", "status": status, "message": message}, status)
