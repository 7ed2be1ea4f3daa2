"""`usher job`: create, preview, edit, and look at jobs."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.choosing import authorization_named, authorizations_for, job_named, labels_of
from usher.cli.connecting import run, say_what_moves_nothing
from usher.cli.job_views import print_job, print_jobs, print_logs, print_preview
from usher.cli.output import print_json, print_json_line
from usher.cli.progress import print_progress, watch

app = typer.Typer(help="Exports of audiences to Mapp.", no_args_is_help=True)
CREATE = "/v2/job/mapp-trigger-export"


@app.command("create")
def create(
    *,
    name: o.Name = None,
    audience: o.Audience = None,
    identifier_field: o.IdentifierField = None,
    group: o.Group = None,
    attribute: o.Attribute = None,
    dynamic: o.Dynamic = None,
    prefix: o.Prefix = None,
    existing_users: o.ExistingUsers = None,
    backfill_only: o.BackfillOnly = None,
    create_users: o.CreateUsers = None,
    identifier_type: o.IdentifierType = None,
    lowercase: o.Lowercase = None,
    reconcile_hours: o.ReconcileHours = None,
    exit_brake: o.ExitBrake = None,
    exit_brake_people: o.ExitBrakePeople = None,
    exit_brake_percent: o.ExitBrakePercent = None,
    allow_unlisted_group: o.AllowUnlistedGroup = None,
    mapp: o.Mapp = None,
    lytics: o.Lytics = None,
    description: o.Description = None,
    save_only: Annotated[bool, typer.Option("--save-only", help="Do not start it; resume starts it.")] = False,
    watch_it: Annotated[bool, typer.Option("--watch", help="Stay and show the progress.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Create a job and start its export."""
    if save_only and watch_it:
        raise typer.BadParameter("A job that is not started has no progress to watch.", param_hint="--save-only")
    config = _config(**locals())

    async def work(api: Api) -> None:
        body = await _body(api, name=name, description=description, mapp=mapp, lytics=lytics, config=config)
        body |= {"start": False} if save_only else {}
        job = await api.post(CREATE, body)
        await _print_created(api, job, as_json=as_json, is_first_of_lines=watch_it)
        await say_what_moves_nothing(api)
        if watch_it:
            await watch(api, job["id"], as_json=as_json)

    run(work)


@app.command("preview")
def preview(
    *,
    name: o.Name = None,
    audience: o.Audience = None,
    identifier_field: o.IdentifierField = None,
    group: o.Group = None,
    attribute: o.Attribute = None,
    dynamic: o.Dynamic = None,
    prefix: o.Prefix = None,
    existing_users: o.ExistingUsers = None,
    backfill_only: o.BackfillOnly = None,
    create_users: o.CreateUsers = None,
    identifier_type: o.IdentifierType = None,
    lowercase: o.Lowercase = None,
    reconcile_hours: o.ReconcileHours = None,
    exit_brake: o.ExitBrake = None,
    exit_brake_people: o.ExitBrakePeople = None,
    exit_brake_percent: o.ExitBrakePercent = None,
    allow_unlisted_group: o.AllowUnlistedGroup = None,
    mapp: o.Mapp = None,
    lytics: o.Lytics = None,
    description: o.Description = None,
    as_json: o.AsJson = False,
) -> None:
    """Show what a job would send, to how many, and what to know before; nothing is saved."""
    config = _config(**locals())

    async def work(api: Api) -> None:
        title = name if name is not None else "Preview"
        body = await _body(api, name=title, description=description, mapp=mapp, lytics=lytics, config=config)
        found = await api.post(f"{CREATE}/preview", body)
        print_json(found) if as_json else print_preview(found)
        if found["problems"]:
            raise typer.Exit(2)

    run(work)


@app.command("edit")
def edit(
    job: o.JobName,
    *,
    name: o.Name = None,
    group: o.Group = None,
    attribute: o.Attribute = None,
    dynamic: o.Dynamic = None,
    prefix: o.Prefix = None,
    existing_users: o.ExistingUsers = None,
    backfill_only: o.BackfillOnly = None,
    create_users: o.CreateUsers = None,
    identifier_type: o.IdentifierType = None,
    reconcile_hours: o.ReconcileHours = None,
    exit_brake: o.ExitBrake = None,
    exit_brake_people: o.ExitBrakePeople = None,
    exit_brake_percent: o.ExitBrakePercent = None,
    allow_unlisted_group: o.AllowUnlistedGroup = None,
    mapp: o.Mapp = None,
    lytics: o.Lytics = None,
    description: o.Description = None,
    as_json: o.AsJson = False,
) -> None:
    """Change what is named; the rest stays. The audience and the identifier field cannot change."""
    config = _config(
        audience=None, identifier_field=None, lowercase=None, **{k: v for k, v in locals().items() if k != "job"}
    )

    async def work(api: Api) -> None:
        held = await job_named(api, job)
        body: dict[str, Any] = o.given(name=name, description=description)
        if config:
            body["config"] = {**held["config"], **config}
        if mapp is not None or lytics is not None:
            body["auth_ids"] = [
                (await authorization_named(api, mapp))["id"] if mapp else held["meta"]["mapp_auth"],
                (await authorization_named(api, lytics))["id"] if lytics else held["meta"]["lytics_auth"],
            ]
        changed = await api.put(f"{CREATE}/{part(held['id'])}", body)
        print_json(changed) if as_json else await _print(api, changed, title=f"Changed {changed['name']!r}.")

    run(work)


@app.command("list")
def list_jobs(
    every: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False, as_json: o.AsJson = False
) -> None:
    """List the jobs."""

    async def work(api: Api) -> None:
        jobs = await api.every("/v2/job", {"show_all": "true"} if every else None)
        print_json(jobs) if as_json else print_jobs(jobs, labels=await labels_of(api))

    run(work)


@app.command("show")
def show(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Show one job, how far it is, and what to paste into Lytics where that is needed."""

    async def work(api: Api) -> None:
        job_id = part((await job_named(api, job))["id"])
        found, progress = await api.get(f"/v2/job/{job_id}"), await api.get(f"/v2/job/{job_id}/progress")
        if as_json:
            print_json(found | {"progress": progress})
            return
        await _print(api, found, title=found["name"])
        print_progress(progress)

    run(work)


@app.command("progress")
def progress(
    job: o.JobName,
    watch_it: Annotated[bool, typer.Option("--watch", help="Stay until nothing is owed.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Show how far a job is."""

    async def work(api: Api) -> None:
        job_id = (await job_named(api, job))["id"]
        if watch_it:
            await watch(api, job_id, as_json=as_json)
            return
        found = await api.get(f"/v2/job/{part(job_id)}/progress")
        print_json(found) if as_json else print_progress(found)

    run(work)


@app.command("logs")
def logs(job: o.JobName, every: o.Every = False, as_json: o.AsJson = False) -> None:
    """Show the newest 200 lines of a job's log, oldest first."""

    async def work(api: Api) -> None:
        job_id = (await job_named(api, job))["id"]
        path = f"/v2/job/{part(job_id)}/logs"
        found = (await (api.every(path) if every else api.get(path)))[::-1]
        print_json(found) if as_json else print_logs(found)

    run(work)


async def _print_created(api: Api, job: dict[str, Any], *, as_json: bool, is_first_of_lines: bool) -> None:
    if not as_json:
        await _print(api, job, title=f"Created {job['name']!r}.")
        return
    print_json_line(job) if is_first_of_lines else print_json(job)


async def _print(api: Api, job: dict[str, Any], *, title: str) -> None:
    print_job(job, title=title, labels=await labels_of(api))


async def _body(
    api: Api, *, name: str | None, description: str | None, mapp: str | None, lytics: str | None, config: dict[str, Any]
) -> dict[str, Any]:
    auth_ids = await authorizations_for(api, mapp=mapp, lytics=lytics)
    return {**o.given(name=name, description=description), "auth_ids": auth_ids, "config": config}


def _config(
    *,
    audience: str | None,
    identifier_field: str | None,
    group: str | None,
    attribute: str | None,
    dynamic: bool | None,
    prefix: str | None,
    existing_users: bool | None,
    backfill_only: bool | None,
    create_users: bool | None,
    identifier_type: str | None,
    lowercase: bool | None,
    reconcile_hours: float | None,
    exit_brake: bool | None,
    exit_brake_people: int | None,
    exit_brake_percent: float | None,
    allow_unlisted_group: bool | None,
    **_other: object,
) -> dict[str, Any]:
    """Return the configuration under the API's names for the options."""
    return o.given(
        segment_id=audience,
        uid_field=identifier_field,
        group_id=group,
        mapp_attribute_name=attribute,
        enable_dynamic_attributes=dynamic,
        dynamic_attribute_prefix=prefix,
        withbackfill=existing_users,
        backfill_only=backfill_only,
        create_users=create_users,
        identifier_type=identifier_type,
        lowercase_identifiers=lowercase,
        reconcile_hours=reconcile_hours,
        exit_brake=exit_brake,
        exit_brake_people=exit_brake_people,
        exit_brake_percent=exit_brake_percent,
        allow_unlisted_group=allow_unlisted_group,
    )
