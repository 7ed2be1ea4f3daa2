"""`usher auth`: the saved credentials for Mapp and Lytics."""

import os
from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.auth_views import print_auth, print_auths, print_endpoint, print_test
from usher.cli.choosing import authorization_named
from usher.cli.connecting import run
from usher.cli.output import print_json, say
from usher.cli.rotating import kind_after, with_environment, with_prompts, without_limits
from usher.cli.secrets import agreed, asked_secret
from usher.errors import InvalidInput, Problem

app = typer.Typer(help="Saved credentials for Mapp and Lytics.", no_args_is_help=True)
adding = typer.Typer(help="Save new credentials.", no_args_is_help=True)
app.add_typer(adding, name="add")

Label = Annotated[str, typer.Option("--label", help="What to call it.")]
ApiUrl = Annotated[str | None, typer.Option("--api-url", help="The address of the account's API.")]
Integration = Annotated[str | None, typer.Option("--integration-id", help="The Integration ID in Mapp Connect.")]
# Not USHER_*: those are the service's own settings.
Secret = Annotated[str | None, typer.Option("--secret", envvar="MAPP_SECRET", help="The integration's secret.")]
RestUrl = Annotated[str | None, typer.Option("--rest-api-url", help="Mapp Engage's REST address, to read back.")]
User = Annotated[str | None, typer.Option("--user", help="The user of the REST API.")]
Password = Annotated[str | None, typer.Option("--password", envvar="MAPP_PASSWORD", help="That user's password.")]
Token = Annotated[str | None, typer.Option("--token", envvar="LYTICS_API_TOKEN", help="The API token of Lytics.")]
PerSecond = Annotated[
    float | None, typer.Option("--requests-per-second", help="At most so many; without it, no limit.")
]
# Changing them takes nothing from the environment unless told to: a variable set for something else must not rotate.
NewSecret = Annotated[str | None, typer.Option("--secret", help="The integration's new secret.")]
NewPassword = Annotated[str | None, typer.Option("--password", help="The REST API user's new password.")]
NewToken = Annotated[str | None, typer.Option("--token", help="The new API token of Lytics.")]
FromEnv = Annotated[
    bool,
    typer.Option("--from-env", help="Take what is secret from MAPP_SECRET, MAPP_PASSWORD or LYTICS_API_TOKEN."),
]
NoPerSecond = Annotated[
    bool, typer.Option("--no-requests-per-second", help="Remove that limit; the pace is what Mapp takes.")
]
NoInFlight = Annotated[bool, typer.Option("--no-max-in-flight", help="Remove that limit; 64 is the default.")]
InFlight = Annotated[
    int | None, typer.Option("--max-in-flight", help="At most so many requests at once (64; up to 256).")
]


@adding.command("mapp")
def add_mapp(
    *,
    label: Label,
    api_url: ApiUrl = None,
    integration_id: Integration = None,
    secret: Secret = None,
    rest_api_url: RestUrl = None,
    user: User = None,
    password: Password = None,
    requests_per_second: PerSecond = None,
    max_in_flight: InFlight = None,
    description: o.Description = None,
    as_json: o.AsJson = False,
) -> None:
    """Save a Mapp integration; with --rest-api-url, a user for reading back as well."""
    reads_back = rest_api_url is not None or user is not None
    config = o.given(
        api_url=api_url,
        integration_id=integration_id,
        secret=asked_secret(secret, "--secret", "Secret"),
        rest_api_url=rest_api_url,
        user=user,
        password=asked_secret(password, "--password", "Password") if reads_back else None,
        requests_per_second=requests_per_second,
        max_in_flight=max_in_flight,
    )
    kind = "userpass-secret" if reads_back else "integration-secret"
    _add(kind, label=label, description=description, config=config, as_json=as_json)


@adding.command("lytics")
def add_lytics(
    label: Label,
    api_url: ApiUrl = None,
    token: Token = None,
    description: o.Description = None,
    as_json: o.AsJson = False,
) -> None:
    """Save a Lytics API token."""
    config = o.given(api_url=api_url, token=asked_secret(token, "--token", "Token"))
    _add("lytics-token", label=label, description=description, config=config, as_json=as_json)


@app.command("list")
def list_auths(as_json: o.AsJson = False) -> None:
    """List the authorizations."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/auth")
        print_json(found) if as_json else print_auths(found)

    run(work)


@app.command("show")
def show(auth: o.AuthName, as_json: o.AsJson = False) -> None:
    """Show one authorization; its secrets are never shown."""

    async def work(api: Api) -> None:
        found = await authorization_named(api, auth)
        print_json(found) if as_json else print_auth(found, title=found["label"])

    run(work)


@app.command("test")
def check_credentials(auth: o.AuthName, *, as_json: o.AsJson = False) -> None:
    """Make a real call with the credentials, and say what was found."""

    async def work(api: Api) -> None:
        found = await authorization_named(api, auth)
        report = await api.post(f"/v2/auth/{part(found['id'])}/test")
        print_json(report) if as_json else print_test(report, label=found["label"])
        if not report["is_usable"]:
            raise typer.Exit(1)

    run(work)


@app.command("rename")
def rename(
    auth: o.AuthName,
    label: Annotated[str | None, typer.Option("--label", help="The new label.")] = None,
    description: o.Description = None,
    as_json: o.AsJson = False,
) -> None:
    """Change the label or the description."""
    if label is None and description is None:
        raise InvalidInput(Problem("rename", "has nothing to change.", "Give --label or --description."))

    async def work(api: Api) -> None:
        found = await authorization_named(api, auth)
        kind = found["type"].replace("_", "-")
        body = o.given(label=label, description=description)
        changed = await api.put(f"/v2/auth/{part(kind)}/{part(found['id'])}", body)
        print_json(changed) if as_json else print_auth(changed, title=f"Renamed {changed['label']!r}.")

    run(work)


@app.command("rotate")
def rotate(
    auth: o.AuthName,
    *,
    secret: NewSecret = None,
    password: NewPassword = None,
    token: NewToken = None,
    from_env: FromEnv = False,
    integration_id: Integration = None,
    api_url: ApiUrl = None,
    rest_api_url: RestUrl = None,
    user: User = None,
    requests_per_second: PerSecond = None,
    no_requests_per_second: NoPerSecond = False,
    max_in_flight: InFlight = None,
    no_max_in_flight: NoInFlight = False,
    as_json: o.AsJson = False,
) -> None:
    """
    Change credentials or limits; what is not named stays. Jobs go on with the new ones by themselves.

    With --rest-api-url, --user and --password, an integration can be read back from then on.
    """
    named = o.given(
        secret=secret,
        password=password,
        token=token,
        integration_id=integration_id,
        api_url=api_url,
        rest_api_url=rest_api_url,
        user=user,
        requests_per_second=requests_per_second,
        max_in_flight=max_in_flight,
    )
    removed = {"requests_per_second": no_requests_per_second, "max_in_flight": no_max_in_flight}
    config = without_limits(named, removed=tuple(limit for limit, is_gone in removed.items() if is_gone))

    async def work(api: Api) -> None:
        found = await authorization_named(api, auth)
        before = found["type"].replace("_", "-")
        kind = kind_after(before, config)
        given = with_environment(config, kind, os.environ) if from_env else config
        body = {"config": with_prompts(given, kind=kind, before=before)}
        changed = await api.put(f"/v2/auth/{part(kind)}/{part(found['id'])}", body)
        print_json(changed) if as_json else print_auth(changed, title=f"Changed {changed['label']!r}.")

    run(work)


@app.command("endpoint")
def endpoint(
    auth: o.AuthName,
    new: Annotated[bool, typer.Option("--new", help="Make a new token; the old one goes on for 7 days.")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="End the older tokens now.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Show where Lytics sends its triggers, and the header that it must send with them."""

    async def work(api: Api) -> None:
        path = f"/v2/auth/{part((await authorization_named(api, auth))['id'])}/trigger-endpoint"
        if drop_old:
            await api.delete(path)
        found = await (api.post(path) if new else api.get(path))
        print_json(found) if as_json else print_endpoint(found)

    run(work)


@app.command("delete")
def delete(auth: o.AuthName, yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """Delete an authorization that no live job uses."""

    async def work(api: Api) -> None:
        found = await authorization_named(api, auth)
        agreed(f"Delete {found['label']!r}?", yes=yes)
        await api.delete(f"/v2/auth/{part(found['id'])}")
        said = {"deleted": found["id"], "label": found["label"]}
        print_json(said) if as_json else say(f"Deleted {found['label']!r}.")

    run(work)


def _add(kind: str, *, label: str, description: str | None, config: dict[str, Any], as_json: bool) -> None:
    async def work(api: Api) -> None:
        made = await api.post(f"/v2/auth/{kind}", o.given(label=label, description=description, config=config))
        print_json(made) if as_json else print_auth(made, title=f"Saved {made['label']!r}.")

    run(work)
