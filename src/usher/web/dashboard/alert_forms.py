"""
What the form of an alert channel is made of, and how it becomes a draft.

A secret goes in and never comes out: a form shows one again only to whoever has just typed it.
"""

from typing import Any

from usher.domain.alert import Level
from usher.jobs.alert_drafts import SECRETS, SETTINGS, USUAL_PORT, USUAL_SECURITY, ChannelDraft
from usher.store.alert_channels import Channel
from usher.web.dashboard.forms import Form

Values = dict[str, str]
TYPE_WORDS = {"email": "E-mail", "slack": "Slack", "webhook": "Webhook"}
SUBJECTS = {
    "name": "The name",
    "level": "The level",
    "config.host": "The mail server",
    "config.port": "The port",
    "config.security": "The security",
    "config.user": "The user",
    "config.password": "The password",
    "config.from": "The sender",
    "config.to": "The receivers",
    "config.url": "The URL",
    "config.secret": "The secret",
}


def new_values(kind: str) -> Values:
    """Return what the form for a new channel shows first."""
    usual = {"port": str(USUAL_PORT), "security": USUAL_SECURITY} if kind == "email" else {}
    return _blank(kind) | {"name": TYPE_WORDS[kind], "level": Level.WARNING.value} | usual


def kept_values(channel: Channel) -> Values:
    """Return what the form for changing *channel* shows first; its secret stays blank."""
    texts = {name: _text(channel.config.get(name)) for name in SETTINGS[channel.type]}
    return _blank(channel.type) | texts | {"name": channel.name, "level": channel.level.value}


def typed_values(form: Form, kind: str) -> Values:
    """Return what was typed."""
    return {name: form.get(name) for name in _blank(kind)}


def draft_from(values: Values, kind: str) -> ChannelDraft:
    """Return the channel that *values* ask for; a secret that was left blank stays as it is."""
    config: dict[str, Any] = {name: values[name] for name in SETTINGS[kind]}
    if "port" in config and config["port"].isascii() and config["port"].isdigit() and len(config["port"]) < 6:
        config["port"] = int(config["port"])
    if values[SECRETS[kind]]:
        config[SECRETS[kind]] = values[SECRETS[kind]]
    return ChannelDraft(values["name"], kind, values["level"], config)


def _blank(kind: str) -> Values:
    return dict.fromkeys(("name", "level", *SETTINGS[kind], SECRETS[kind]), "")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
