"""`usher alert`: what is wrong now, and who is told."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.connecting import run
from usher.cli.output import local_time, print_json, print_table, say
from usher.cli.secrets import agreed, asked_secret
from usher.errors import NotFound

app = typer.Typer(help="Alerts, and the channels they go to.", no_args_is_help=True)
adding = typer.Typer(help="Add a channel.", no_args_is_help=True)
app.add_typer(adding, name="add")

Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's name or id.")]
Name = Annotated[str, typer.Option("--name", help="What to call the channel.")]
Level = Annotated[str, typer.Option("--level", help="info, warning or critical: it takes these and graver ones.")]


@app.command("list")
def list_alerts(as_json: o.AsJson = False) -> None:
    """List what is wrong now, and what lately was."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/alert")
        if as_json:
            print_json(found)
            return
        print_table(
            ("Level", "Alert", "Since", "Over"),
            (
                (one["level"], one["title"], local_time(one["began"]), local_time(one["ended"]) or "open")
                for one in [*found["open"], *found["ended"]]
            ),
            nothing="Nothing is wrong, and nothing was.",
        )

    run(work)


@app.command("channels")
def channels(as_json: o.AsJson = False) -> None:
    """List the channels that alerts go to."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/alert-channel")
        if as_json:
            print_json(found)
            return
        print_table(
            ("Name", "Type", "Level", "Last result", "When", "Waiting", "Given up"),
            ((one["name"], one["type"], one["level"], *_last(one), one["waiting"], one["lost"]) for one in found),
            nothing="Nobody is told of alerts yet. Add a channel with `usher alert add`.",
        )

    run(work)


@adding.command("email")
def add_email(
    *,
    name: Name,
    host: Annotated[str, typer.Option("--host", help="The mail server's name.")],
    sender: Annotated[str, typer.Option("--from", help="The address that alerts come from.")],
    to: Annotated[list[str], typer.Option("--to", help="Who gets them; may be given several times.")],
    port: Annotated[int, typer.Option("--port", help="587 with STARTTLS, 465 with TLS.")] = 587,
    security: Annotated[str, typer.Option("--security", help="starttls, tls, or none (this machine alone).")] = (
        "starttls"
    ),
    user: Annotated[str | None, typer.Option("--user", help="The user to sign in with.")] = None,
    password: Annotated[
        str | None, typer.Option("--password", envvar="SMTP_PASSWORD", help="That user's password.")
    ] = None,
    level: Level = "warning",
    as_json: o.AsJson = False,
) -> None:
    """Send alerts by e-mail."""
    config: dict[str, Any] = {"host": host, "port": port, "security": security, "from": sender, "to": to}
    if user is not None:
        config |= {"user": user, "password": asked_secret(password, "--password", "Password")}
    _add("email", name=name, level=level, config=config, as_json=as_json)


@adding.command("slack")
def add_slack(
    name: Name,
    url: Annotated[
        str | None,
        typer.Option("--url", envvar="SLACK_WEBHOOK_URL", help="The incoming webhook's URL; it is a secret."),
    ] = None,
    level: Level = "warning",
    as_json: o.AsJson = False,
) -> None:
    """Send alerts to a Slack channel."""
    config = {"url": asked_secret(url, "--url", "Webhook URL")}
    _add("slack", name=name, level=level, config=config, as_json=as_json)


@adding.command("webhook")
def add_webhook(
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Where to send them.")],
    secret: Annotated[
        str | None,
        typer.Option("--secret", envvar="WEBHOOK_SECRET", help="whsec_…; without it one is made and printed once."),
    ] = None,
    level: Level = "warning",
    as_json: o.AsJson = False,
) -> None:
    """Send alerts as signed webhooks (Standard Webhooks)."""
    _add("webhook", name=name, level=level, config=o.given(url=url, secret=secret), as_json=as_json)


@app.command("test")
def check_channel(channel: Channel, as_json: o.AsJson = False) -> None:
    """Send a test message, and say how it went."""

    async def work(api: Api) -> None:
        found = await _named(api, channel)
        tried = await api.post(f"/v2/alert-channel/{part(found['id'])}/test")
        print_json(tried) if as_json else say(f"{found['name']}: {tried['said']}")
        if not tried["is_taken"]:
            raise typer.Exit(1)

    run(work)


@app.command("delete")
def delete(channel: Channel, yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """Delete a channel; nobody is told there any more."""

    async def work(api: Api) -> None:
        found = await _named(api, channel)
        agreed(f"Delete {found['name']!r}?", yes=yes)
        await api.delete(f"/v2/alert-channel/{part(found['id'])}")
        print_json({"deleted": found["id"], "name": found["name"]}) if as_json else say(f"Deleted {found['name']!r}.")

    run(work)


def _add(kind: str, *, name: str, level: str, config: dict[str, Any], as_json: bool) -> None:
    async def work(api: Api) -> None:
        made = await api.post("/v2/alert-channel", {"name": name, "type": kind, "level": level, "config": config})
        if as_json:
            print_json(made)
            return
        say(f"Added {made['name']!r}. Try it: usher alert test {made['id']}")
        if made["secret"]:
            say(f"Its secret, shown this once: {made['secret']}")

    run(work)


async def _named(api: Api, name: str) -> dict[str, Any]:
    every: list[dict[str, Any]] = await api.get("/v2/alert-channel")
    for one in every:
        if name in (one["id"], one["name"]):
            return one
    raise NotFound(f"There is no alert channel {name!r}. List them with `usher alert channels`.")


def _last(channel: dict[str, Any]) -> tuple[str, str | None]:
    last = channel["last"]
    return ("never sent to", None) if last is None else (last["said"], local_time(last["at"]))
