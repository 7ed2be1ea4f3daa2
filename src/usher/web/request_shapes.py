"""
What the API takes, as JSON Schema for its description.

Bodies are read by the drafts in usher.jobs, which report every problem at once; these only describe them.
"""

from collections.abc import Iterable
from typing import Annotated, Any, get_args

from fastapi import Query

from usher.access.roles import Role
from usher.alerts.smtp import SECURITIES
from usher.domain.alert import Level
from usher.domain.attribute import IdentifierType
from usher.domain.configuration import (
    MOST_BRAKE_PEOPLE,
    MOST_BRAKE_PERCENT,
    MOST_HOURS,
    REQUIRED,
    SWITCHES,
    TEXTS,
)
from usher.jobs.alert_drafts import SETTINGS
from usher.jobs.credentials import MOST_IN_FLIGHT
from usher.jobs.paging import MOST_DIGITS

Schema = dict[str, Any]


def one_of(words: Iterable[str]) -> Any:
    """Describe a parameter that takes one of *words*; whoever reads it refuses any other."""
    return Query(json_schema_extra={"enum": list(words)})


NUMBERED = Query(json_schema_extra={"pattern": rf"^[0-9]{{0,{MOST_DIGITS}}}$"})
Cursor = Annotated[str | None, NUMBERED]  # of pages of what is numbered


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return found | ({"required": list(required)} if required else {})


TEXT: Schema = {"type": "string"}
SWITCH: Schema = {"type": "boolean"}
CONFIG = _object(
    REQUIRED,
    **dict.fromkeys(TEXTS, TEXT),
    **dict.fromkeys(SWITCHES, SWITCH),
    reconcile_hours={"type": "number", "minimum": 0, "maximum": MOST_HOURS},
    exit_brake_people={"type": "integer", "minimum": 1, "maximum": MOST_BRAKE_PEOPLE},
    exit_brake_percent={"type": "number", "minimum": 0, "maximum": MOST_BRAKE_PERCENT},
) | {"additionalProperties": False}
CONFIG["properties"]["identifier_type"] = {"type": "string", "enum": list(get_args(IdentifierType))}
JOB = _object(
    ("name", "config"),
    name=TEXT,
    description=TEXT,
    auth_ids={"type": "array", "items": TEXT, "description": "One authorization of Mapp's and one of Lytics'."},
    config=CONFIG,
)
JOB_CHANGE = {name: value for name, value in JOB.items() if name != "required"}
START = {"type": "boolean", "default": True, "description": "False saves a paused job; resuming it starts it."}
NEW_JOB = JOB | {"properties": JOB["properties"] | {"start": START}}
TRIAL = JOB | {"properties": JOB["properties"] | {"member": TEXT}}
RATE: Schema = {"type": "number", "exclusiveMinimum": 0}
IN_FLIGHT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_IN_FLIGHT}
AUTH = _object(
    ("label", "config"),
    label=TEXT,
    description=TEXT,
    config=_object(
        api_url=TEXT,
        integration_id=TEXT,
        secret=TEXT,
        rest_api_url=TEXT,
        user=TEXT,
        password=TEXT,
        token=TEXT,
        requests_per_second=RATE,
        max_in_flight=IN_FLIGHT,
    ),
    requests_per_second=RATE,
    max_in_flight=IN_FLIGHT,
)
CLOSED = {"additionalProperties": False}
HOLD = CLOSED | _object(
    hold=TEXT | {"description": "The `hold` of the job's progress: decide for what it names, or not at all."}
)
NAMED = CLOSED | _object(members={"type": "array", "items": TEXT})
MEMBERS = CLOSED | _object(members={"type": "array", "items": TEXT}, reason=TEXT) | {"maxProperties": 1}
ROLE_NAME: Schema = {"type": "string", "enum": [role.value for role in Role]}
PERSON = CLOSED | _object(("name", "role"), name=TEXT, role=ROLE_NAME)
ROLE = CLOSED | _object(("role",), role=ROLE_NAME)
TOKEN = CLOSED | _object(
    ("name",),
    name=TEXT,
    role=ROLE_NAME | {"default": Role.VIEWER.value},
    expires_days={"type": "number", "exclusiveMinimum": 0},
)
CHANNEL_CHANGE = _object(
    name=TEXT,
    type={"type": "string", "enum": list(SETTINGS)},
    level={"type": "string", "enum": [level.value for level in Level], "default": Level.WARNING.value},
    config=_object(
        (),
        **dict.fromkeys(("host", "user", "password", "from", "url", "secret"), TEXT),
        port={"type": "integer", "minimum": 1, "maximum": 65_535},
        security={"type": "string", "enum": list(SECURITIES)},
        to={"type": "array", "items": TEXT},
    ),
)
CHANNEL = CHANNEL_CHANGE | {"required": ["name", "type", "config"]}
CHANNEL_CHANGE |= {"properties": CHANNEL_CHANGE["properties"] | {"new_secret": SWITCH | {"default": False}}}
