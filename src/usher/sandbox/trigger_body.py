"""
The bytes of Lytics' "Audience Triggers" webhook.

    {"id": "8801...", "data": {"email": "ana@example.org", "segment_events":
        [{"id": "0b9d...", "slug": "vip_buyers", "event": "enter", "enter": "2026-11-20T10:15:02.1002003Z"}]},
     "meta": {"object": "user", "subscription_id": "f0e1...", "timestamp": "2026-11-20T10:15:06.9008007Z"}}

Source: Lytics' webhooks page (confirmed); that the id is the profile's and that `subscription_id` is the job's
are inferred.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from usher.sandbox.audiences import Change, SegmentEvent

NANOSECONDS = 1_000_000_000


class WebhookConfig(msgspec.Struct, kw_only=True):
    """The part of a webhook job's config that the sandbox acts on; the rest is kept and ignored."""

    segment_ids: list[str]
    webhook_url: str
    http_method: str = "POST"
    audience_events: str = ""
    user_fields: list[str] = msgspec.field(default_factory=list)
    include_segs: bool = False
    batch_requests: bool = False
    batch_size: int = 10
    batch_flush_duration: float = 5
    worker_count: int = 5
    do_not_retry: list[int] = msgspec.field(default_factory=list)
    cloudevents: bool = False
    cloudevents_type: str = ""
    cloudevents_source: str = ""
    withbackfill: bool = False


def wanted_events(change: Change, config: WebhookConfig) -> tuple[SegmentEvent, ...]:
    """Those events of a change that a job with this config sends."""
    barred = {"enters_only": "exit", "exits_only": "enter"}.get(config.audience_events)
    return tuple(e for e in change.events if e.audience_id in config.segment_ids and e.kind != barred)


def message(
    change: Change,
    profile: dict[str, Any],
    *,
    config: WebhookConfig,
    job_id: str,
    segment_ids: Sequence[str],
    now_ns: int,
) -> dict[str, Any]:
    """One message about one profile; *segment_ids* are all its audiences, sent where the config asks for them."""
    chosen = {k: v for k, v in profile.items() if not config.user_fields or k in config.user_fields}
    data = chosen | {"segment_events": [_event(event) for event in change.events]}
    if config.include_segs:
        data["segments_all"] = list(segment_ids)
    if config.cloudevents:
        return {
            "specversion": "1.0",
            "id": change.person.profile_id,
            "source": config.cloudevents_source or f"/work/{job_id}",
            "type": config.cloudevents_type or "com.lytics.audience.user.event",
            "datacontenttype": "application/json",
            "time": rfc3339_nano(now_ns),
            "data": data,
        }
    meta = {"object": "user", "subscription_id": job_id, "timestamp": rfc3339_nano(now_ns)}
    return {"id": change.person.profile_id, "data": data, "meta": meta}


def encoded(messages: Sequence[dict[str, Any]], *, is_batch: bool) -> bytes:
    return msgspec.json.encode(list(messages) if is_batch else messages[0])


def rfc3339_nano(at_ns: int) -> str:
    """As Go writes it: up to nine digits, trailing zeros left out, none at all for a whole second."""
    whole, fraction = divmod(at_ns, NANOSECONDS)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def _event(event: SegmentEvent) -> dict[str, str]:
    body = {"id": event.audience_id, "slug": event.slug, "event": event.kind}
    return body if event.at_ns is None else body | {event.kind: rfc3339_nano(event.at_ns)}
