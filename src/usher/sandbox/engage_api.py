"""
The few calls of Mapp Engage's REST API that a reader needs, with Engage's own error bodies.

Source: Mapp Engage API v19, user, membership, group and system domains (confirmed).
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from usher.sandbox.exchange import Answer, Call, Handler, json_answer
from usher.sandbox.mapp_state import Contact, MappState


class _MissingError(Exception):
    """A parameter is missing or leads to nothing; *error* is the body of the 400."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class EngageApi:
    """Reads behind Basic authentication: 401 without a header, 403 with wrong credentials."""

    state: MappState
    user: str
    password: str

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below the version, place, handler)."""
        calls: list[tuple[str, Callable[[dict[str, str]], Any]]] = [
            ("user/getByEmail", self._user),
            ("membership/getAttributesByEmail", self._attributes),
            ("membership/getByEmail", self._membership),
            ("group/get", self._group),
            ("system/getApiVersion", lambda query: "19"),
        ]
        return [("GET", path, "mapp.rest", self._read(read)) for path, read in calls]

    def _read(self, read: Callable[[dict[str, str]], Any]) -> Handler:
        async def handle(call: Call) -> Answer:
            refused = self._refused(call.header(b"authorization"))
            if refused is not None:
                return refused
            try:
                return json_answer(read(call.query))
            except _MissingError as missing:
                return json_answer(missing.error, 400)

        return handle

    def _refused(self, header: str) -> Answer | None:
        if not header:
            return json_answer(_error("PERMISSION_DENIED", "Authorization is missing"), 401)
        wanted, given = f"{self.user}:{self.password}".encode(), _basic(header)
        if not hmac.compare_digest(wanted, given):
            return json_answer(_error("PERMISSION_DENIED", "Access is denied"), 403)
        return None

    def _user(self, query: dict[str, str]) -> dict[str, Any]:
        contact = self._contact(query)
        return {
            "id": contact.id,
            "email": contact.identifiers.get("email"),
            "mobileNumber": contact.identifiers.get("mobileNumber"),
            "identifier": contact.identifiers.get("externalID"),
        }

    def _attributes(self, query: dict[str, str]) -> list[dict[str, str]]:
        contact, group = self._contact(query), self._group(query)["id"]
        attributes = contact.groups.get(str(group))
        if attributes is None:
            message = f"Membership with membership=userId:{contact.id}/groupId:{group} does not exist."
            raise _MissingError(_error("NO_SUCH_OBJECT", message, objectType="Membership"))
        return [{"name": name, "value": value} for name, value in attributes.items()]

    def _membership(self, query: dict[str, str]) -> dict[str, Any]:
        attributes = self._attributes(query)
        return {
            "userId": self._contact(query).id,
            "groupId": self._group(query)["id"],
            "attributes": attributes,
        }

    def _group(self, query: dict[str, str]) -> dict[str, Any]:
        group = _wanted(query, "groupId")
        name = self.state.groups.get(group)
        if name is None:
            raise _MissingError(_absent("Group", "id", group))
        return {"id": int(group), "name": name, "description": "", "email": ""}

    def _contact(self, query: dict[str, str]) -> Contact:
        email = _wanted(query, "email")
        contact = self.state.find({"email": email})
        if contact is None:
            raise _MissingError(_absent("User", "email", email))
        return contact


async def not_found(call: Call) -> Answer:
    """Any other method of Engage's."""
    return json_answer(_error("INVALID_REQUEST", "Not Found"), 404)


def _basic(header: str) -> bytes:
    scheme, _, encoded = header.partition(" ")
    try:
        return base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        return b""


def _wanted(query: dict[str, str], name: str) -> str:
    value = query.get(name)
    if not value:
        error = _error("MISSING_PARAMETER", f"Parameter {name} is missing.", parameterName=name, value=None)
        raise _MissingError(error | {"propertyName": name})
    return value


def _absent(kind: str, name: str, value: str) -> dict[str, Any]:
    message = f"{kind} with {name}={value} does not exist."
    return _error("NO_SUCH_OBJECT", message, objectType=kind, propertyName=name, propertyValue=value)


def _error(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"errorActor": "CLIENT", "errorCode": code, "message": message, **more}
