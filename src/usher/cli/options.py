"""Options that several commands take, spelled once."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Every = Annotated[bool, typer.Option("--all", help="All of them, not the newest alone.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, the beginning of it, or its name.")]
AuthName = Annotated[
    str, typer.Argument(metavar="AUTH", help="An authorization's id, the beginning of it, or its label.")
]

Name = Annotated[str | None, typer.Option("--name", help="What to call the job.")]
Description = Annotated[str | None, typer.Option("--description", help="A note for people.")]
Mapp = Annotated[str | None, typer.Option("--mapp", help="The Mapp authorization; not needed where there is only one.")]
Lytics = Annotated[
    str | None, typer.Option("--lytics", help="The Lytics authorization; not needed where there is only one.")
]
Audience = Annotated[str | None, typer.Option("--audience", help="The audience to export: its slug or id.")]
IdentifierField = Annotated[
    str | None, typer.Option("--identifier-field", help="The Lytics field that holds a user's identifier.")
]
Group = Annotated[str | None, typer.Option("--group", help="The Mapp Group ID.")]
Attribute = Annotated[
    str | None, typer.Option("--attribute", help="The Mapp Attribute Name; blank means the audience's slug.")
]
Dynamic = Annotated[bool | None, typer.Option("--dynamic/--no-dynamic", help="Enable Dynamic Attributes.")]
Prefix = Annotated[
    str | None, typer.Option("--prefix", help="The Dynamic Attribute Prefix (ends with _); blank means the Group ID.")
]
ExistingUsers = Annotated[
    bool | None, typer.Option("--existing-users/--no-existing-users", help="Export everybody who is inside now.")
]
BackfillOnly = Annotated[
    bool | None, typer.Option("--backfill-only/--no-backfill-only", help="End when those inside now are exported.")
]
CreateUsers = Annotated[
    bool | None, typer.Option("--create-users/--no-create-users", help="Let Mapp create contacts it does not know.")
]
IdentifierType = Annotated[
    str | None, typer.Option("--identifier-type", help="email, userID, mobileNumber or externalID.")
]
Lowercase = Annotated[
    bool | None,
    typer.Option("--lowercase/--no-lowercase", help="Take e-mail addresses in lower case; cannot change later."),
]
ReconcileHours = Annotated[
    float | None, typer.Option("--reconcile-hours", help="Compare the whole audience this often; 0 is never.")
]
ExitBrake = Annotated[
    bool | None, typer.Option("--exit-brake/--no-exit-brake", help="Let many exits at once wait for a person.")
]
ExitBrakePeople = Annotated[
    int | None,
    typer.Option("--exit-brake-people", help="The exit brake holds more than so many exits within 15 minutes."),
]
ExitBrakePercent = Annotated[
    float | None,
    typer.Option("--exit-brake-percent", help="And more than this percent of those inside; it needs both."),
]
AllowUnlistedGroup = Annotated[
    bool | None,
    typer.Option("--allow-unlisted-group/--no-allow-unlisted-group", help="Take a group that Mapp's list lacks."),
]


def given(**values: object) -> dict[str, object]:
    """Return the options that were given, under the API's names for them."""
    return {name: value for name, value in values.items() if value is not None}
