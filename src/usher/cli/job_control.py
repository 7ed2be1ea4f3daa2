"""`usher job`: everything that moves a job from state to state, or owes people again."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.choosing import job_named, labels_of
from usher.cli.connecting import run, say_what_moves_nothing
from usher.cli.job_views import print_job, print_members
from usher.cli.output import print_json, say
from usher.cli.secrets import agreed

app = typer.Typer()
NEEDS_SERVICE = frozenset({"resume", "bounce"})  # of the moves; whatever owes people needs one anyway


@app.command("pause")
def pause(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Send nothing until resumed; triggers are still taken in."""
    _move(job, "pause", said="Paused", as_json=as_json)


@app.command("resume")
def resume(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Go on after a pause."""
    _move(job, "resume", said="Resumed", as_json=as_json)


@app.command("restart")
def restart(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Test the authorizations again and go on, from fault, failed, paused or completed."""
    _move(job, "bounce", said="Restarted", as_json=as_json)


@app.command("kill")
def kill(job: o.JobName, yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """End a job for good; what it knows stays to be looked at."""
    agreed(f"End {job!r} for good?", yes=yes)
    _move(job, "kill", said="Ended", as_json=as_json)


@app.command("delete")
def delete(job: o.JobName, yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """End a job, remove its webhook from Lytics, and forget its people."""
    agreed(f"Delete {job!r} and what it knows of its people?", yes=yes)

    async def work(api: Api) -> None:
        found = await job_named(api, job)
        deleted = await api.delete(f"/v2/job/{part(found['id'])}")
        print_json(deleted) if as_json else say(f"Deleted {found['name']!r}.")

    run(work)


@app.command("retry")
def retry(
    job: o.JobName,
    members: Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="Only these people.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Owe people again who were set aside: all of them, or those named."""
    body = {"members": members} if members else {}
    _tell(job, "retry", body, said="{name!r}: {owed:,} who were set aside are owed again.", as_json=as_json)


@app.command("resend")
def resend(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Owe everybody again: the cure after a missing mapping in Mapp."""
    _tell(job, "resend", {}, said="{name!r}: everybody is owed again.", as_json=as_json)


@app.command("reconcile")
def reconcile(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Compare the whole audience with what Mapp was told, now."""
    _tell(job, "reconcile", {}, said="{name!r}: the audience is being compared.", as_json=as_json)


@app.command("confirm-removals")
def confirm_removals(job: o.JobName, yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """Set everybody to false whom the removal brake holds."""
    agreed(f"Set everybody to false whom {job!r} holds back?", yes=yes)
    _tell(job, "confirm-removals", {}, said="{name!r}: {notes}", as_json=as_json)


@app.command("discard-removals")
def discard_removals(job: o.JobName, as_json: o.AsJson = False) -> None:
    """Keep everybody as they are whom the removal brake holds."""
    _tell(job, "discard-removals", {}, said="{name!r}: {notes}", as_json=as_json)


@app.command("members")
def members(
    job: o.JobName,
    state: Annotated[str, typer.Option(help="due, accepted, confirmed, set_aside or held.")] = "set_aside",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: o.AsJson = False,
) -> None:
    """List the people of a job in one state, newest first."""

    async def work(api: Api) -> None:
        job_id = part((await job_named(api, job))["id"])
        rows: list[Any] = []
        query = {"state": state}
        while len(rows) < limit:
            page, cursor = await api.page(f"/v2/job/{job_id}/members", query)
            rows += page
            if cursor is None:
                break
            query["cursor"] = cursor
        print_json(rows[:limit]) if as_json else print_members(rows[:limit], state=state)

    run(work)


def _move(job: str, command: str, *, said: str, as_json: bool) -> None:
    async def work(api: Api) -> None:
        found = await job_named(api, job)
        moved = await api.post(f"/v2/job/{part(found['id'])}/{command}")
        print_json(moved) if as_json else print_job(
            moved, title=f"{said} {moved['name']!r}.", labels=await labels_of(api)
        )
        if command in NEEDS_SERVICE:
            await say_what_moves_nothing(api)

    run(work)


def _tell(job: str, command: str, body: dict[str, Any], *, said: str, as_json: bool) -> None:
    async def work(api: Api) -> None:
        found = await job_named(api, job)
        answer = await api.post(f"/v2/job/{part(found['id'])}/{command}", body)
        notes = " ".join(answer.get("meta", {}).get("notes", []))
        print_json(answer) if as_json else say(said.format(name=found["name"], owed=answer.get("owed", 0), notes=notes))
        await say_what_moves_nothing(api)

    run(work)
