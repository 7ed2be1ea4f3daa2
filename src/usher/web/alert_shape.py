"""An alert and a channel as the API shows them: never a secret, but for one that was made just now."""

from typing import Any

from pydantic import BaseModel

from usher.clock import iso_from_ms, iso_or_none
from usher.jobs.alert_channels import ChannelView, Standing
from usher.jobs.alert_post import Tried
from usher.store.alerts import Alert


class LastBody(BaseModel):
    """How the last send to a channel went, in a sentence."""

    at: str
    is_taken: bool
    said: str


class ChannelBody(BaseModel):
    """One channel; *waiting* messages wait for it, *lost* were given up within 7 days."""

    id: str
    name: str
    type: str
    level: str
    config: dict[str, Any]
    created: str
    updated: str
    last: LastBody | None = None
    waiting: int
    lost: int
    secret: str | None = None


class ChannelTestBody(BaseModel):
    """How a test went; *status* is the receiver's code, of HTTP or SMTP, and null where none came."""

    is_taken: bool
    said: str
    status: int | None
    took_ms: int


class AlertBody(BaseModel):
    """One alert; *ended* is null while it is open."""

    id: int
    kind: str
    subject: str
    level: str
    title: str
    text: str
    path: str
    began: str
    ended: str | None = None


class AlertsBody(BaseModel):
    """What is wrong now, and the newest of what was; each newest first."""

    open: list[AlertBody]
    ended: list[AlertBody]


def channel_body(view: ChannelView) -> ChannelBody:
    channel = view.channel
    last = None
    if channel.last_ms is not None:
        last = LastBody(at=iso_from_ms(channel.last_ms), is_taken=bool(channel.last_is_ok), said=channel.last_note)
    return ChannelBody(
        id=channel.id,
        name=channel.name,
        type=channel.type,
        level=channel.level,
        config=channel.config,
        created=iso_from_ms(channel.created_ms),
        updated=iso_from_ms(channel.updated_ms),
        last=last,
        waiting=view.waiting,
        lost=view.lost,
        secret=view.made_secret or None,
    )


def tried_body(tried: Tried) -> ChannelTestBody:
    return ChannelTestBody(is_taken=tried.is_taken, said=tried.said, status=tried.status, took_ms=tried.took_ms)


def alerts_body(standing: Standing) -> AlertsBody:
    return AlertsBody(
        open=[_alert_body(alert) for alert in standing.open], ended=[_alert_body(alert) for alert in standing.ended]
    )


def _alert_body(alert: Alert) -> AlertBody:
    return AlertBody(
        id=alert.id,
        kind=alert.kind,
        subject=alert.subject,
        level=alert.level,
        title=alert.title,
        text=alert.text,
        path=alert.path,
        began=iso_from_ms(alert.began_ms),
        ended=iso_or_none(alert.ended_ms),
    )
