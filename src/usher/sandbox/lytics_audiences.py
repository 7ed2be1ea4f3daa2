"""
Lytics' read side: audiences, sizes and the schema, in both generations of its API.

Source: Lytics' V2 OpenAPI, V1 segment API and Go client's recorded answers (confirmed).
"""

from dataclasses import dataclass
from typing import Any

from usher.clock import iso_from_ms
from usher.sandbox.audiences import Audience, Audiences
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.lytics_door import Found, LyticsDoor, RefusalError
from usher.sandbox.people import IDENTIFIER_FIELDS, PII_FIELDS, SCHEMA

ACCOUNT = {"aid": 4242, "account_id": "5d0f8c1e2b3a49586776f5e4d3c2b1a0"}


@dataclass(slots=True)
class LyticsAudiences:
    audiences: Audiences
    door: LyticsDoor

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below /lytics, place, handler)."""
        v1, v2, segments, schema = self.door.v1, self.door.v2, "lytics.segments", "lytics.schema"
        return [
            ("GET", "/v2/segment", segments, v2(self.v2_list, right="audiences")),
            ("GET", "/v2/segment/{ident}", segments, v2(self.one, right="audiences")),
            ("GET", "/api/segment", segments, v1(self.v1_list, right="audiences")),
            ("GET", "/api/segment/sizes", segments, v1(self.sizes, right="audiences")),
            ("GET", "/api/segment/{ident}", segments, v1(self.one, right="audiences")),
            ("GET", "/api/segment/{ident}/size", segments, v1(self.size, right="audiences")),
            ("GET", "/api/segment/{ident}/sizes", segments, v1(self.size, right="audiences")),
            ("GET", "/v2/schema/user/field", schema, v2(self.v2_schema, right="schema")),
            ("GET", "/api/schema/user", schema, v1(self.v1_schema, right="schema")),
        ]

    async def v2_list(self, call: Call) -> Found:
        return self._list(call, valid=call.query.get("valid", "true"))

    async def v1_list(self, call: Call) -> Found:
        return self._list(call, valid=call.query.get("valid", "all"))

    async def one(self, call: Call) -> Found:
        audience = wanted_audience(self.audiences, call.params["ident"])
        return Found(_segment(audience, has_size=call.query.get("sizes") == "true"))

    async def size(self, call: Call) -> Found:
        return Found(_size(wanted_audience(self.audiences, call.params["ident"])))

    async def sizes(self, call: Call) -> Found:
        wanted = [ident for ident in call.query.get("ids", "").split(",") if ident]
        found = [self.audiences.find(ident) for ident in wanted or list(self.audiences.by_slug)]
        return Found([_size(audience) for audience in found if audience and not audience.is_deleted])

    async def v2_schema(self, call: Call) -> Found:
        return Found([_field(name, kind, text) for name, kind, text in SCHEMA])

    async def v1_schema(self, call: Call) -> Found:
        columns = [
            {"as": name, "is_by": name in IDENTIFIER_FIELDS, "type": kind, "shortdesc": text}
            for name, kind, text in SCHEMA
        ]
        return Found({"name": "user", "by_fields": list(IDENTIFIER_FIELDS), "columns": columns})

    def _list(self, call: Call, *, valid: str) -> Found:
        query = call.query
        is_ours = query.get("table", "user") == "user" and query.get("kind", "all") in {"segment", "all"}
        shown = [a for a in self.audiences.by_slug.values() if is_ours and not a.is_deleted]
        if valid != "all":
            shown = [a for a in shown if a.is_invalid == (valid == "false")]
        return Found([_segment(a, has_size=query.get("sizes") == "true") for a in shown])


def wanted_audience(audiences: Audiences, ident: str) -> Audience:
    audience = audiences.find(ident)
    if audience is None or audience.is_deleted:
        raise RefusalError(404, "NOTFOUND-003", "no such segment")
    return audience


def _segment(audience: Audience, *, has_size: bool) -> dict[str, Any]:
    segment: dict[str, Any] = {
        "id": audience.id,
        "slug_name": audience.slug,
        "name": audience.name,
        "public_name": audience.name,
        "description": "",
        "kind": "segment",
        "table": "user",
        "is_public": True,
        **ACCOUNT,
        "segment_ql": audience.segment_ql,
        "ql_resolved": audience.segment_ql,
        "invalid": audience.is_invalid,
        "invalid_reason": audience.invalid_reason,
        "deleted": audience.is_deleted,
        "tags": [],
        "created": iso_from_ms(audience.created_ms),
        "updated": iso_from_ms(audience.updated_ms),
    }
    return segment | ({"size": audience.size} if has_size else {})


def _size(audience: Audience) -> dict[str, Any]:
    return {"id": audience.id, "name": audience.name, "slug_name": audience.slug, "size": audience.size}


def _field(name: str, kind: str, text: str) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "is_identifier": name in IDENTIFIER_FIELDS,
        "is_pii": name in PII_FIELDS,
        "mergeop": "latest",
        "shortdesc": text,
        "longdesc": "",
    }
