"""
Every operation of the description is asked, rightly and wrongly, and answers as it is described: schemathesis.

Without FUZZ_EXAMPLES each operation gets a few requests from everybody, and from admins one at every boundary too.
It raises both: so many made up for each operation, the boundaries for every role.
"""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from tests.fuzz.house import House
from tools.measuring import Measured
from usher.access.roles import Role

IS_LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
METHODS = {"get", "post", "put", "delete"}
LEAST_OPERATIONS = 60

# What a JSON Schema cannot say: whether an id or a cursor is one of ours, what an address on the web is, and whether
# a vendor knows a name. Sent with the right shape and the wrong meaning, it is refused with 400.
MEANING = {
    "DELETE /v2/member/{member}",
    "GET /v2/job/{job_id}/members",
    "GET /v2/schema/{table}/field",
    "GET /v2/segment",
    "GET /v2/segment/{id_or_slug}",
    "POST /v2/alert-channel",
    "POST /v2/auth/integration-secret/test",
    "POST /v2/auth/lytics-token/test",
    "POST /v2/auth/userpass-secret/test",
    "POST /v2/auth/{auth_type}",
    "POST /v2/job/mapp-trigger-export",
    "POST /v2/job/mapp-trigger-export/send-one",
    "POST /v2/job/{job_id}/retry",
    "POST /v2/job/{job_id}/resend",
    "POST /v2/member/{member}/lift-erasure",
    "POST /v2/person",
    "POST /v2/token",
    "PUT /v2/auth/{auth_type}/{auth_id}",
    "PUT /v2/job/mapp-trigger-export/{job_id}",
}
# A preview takes what a job would take, and tells every problem in its answer instead of refusing.
TELLING = {"POST /v2/job/mapp-trigger-export/preview", "POST /v2/job/mapp-trigger-export/{job_id}/preview"}
# Their addresses have the form of others' too: a type or a workflow stands where an id does elsewhere.
SHARED = {
    "DELETE /v2/auth/{auth_id}",
    "DELETE /v2/job/{job_id}",
    "GET /v2/auth/{auth_id}",
    "GET /v2/job/{job_id}",
    "POST /v2/auth/{auth_type}",
    "POST /v2/job/{workflow}",
}
# A name may hold a slash, so what looks like an address below it is a name itself.
SLASHED = {"POST /v2/person/{name}/reset", "POST /v2/member/{member}/lift-erasure"}
# A trigger is never refused for what it says: Lytics would drop it.
NEVER_REFUSED = {"POST /triggers/{auth_id}"}
EXCUSED = {
    "positive_data_acceptance": MEANING,
    "negative_data_rejection": TELLING | NEVER_REFUSED,
    "allow_header_conformance": SHARED | SLASHED,
    "unsupported_method": SLASHED,
}


def excuses() -> list[dict[str, Any]]:
    """Switch off, for each operation, the checks that it is excused from."""
    return [
        {"include-name": name, "checks": {check: {"enabled": False} for check in EXCUSED if name in EXCUSED[check]}}
        for name in sorted(set().union(*EXCUSED.values()))
    ]


def description(house: House, *, token: str | None, is_thorough: bool) -> schemathesis.BaseSchema:
    headers = {} if token is None else {"Authorization": token}
    config = schemathesis.Config.from_dict(
        {
            "headers": headers,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True, "database": "none"},
            "phases": {name: {"enabled": is_thorough} for name in ("coverage", "stateful")},
            "operations": excuses(),
        }
    )
    return schemathesis.openapi.from_url(f"{house.running.url}/openapi.json", config=config)


def run(schema: schemathesis.BaseSchema) -> tuple[list[str], Counter[str], Counter[int]]:
    """Return what failed, how many requests each operation got, and how many answers had each status."""
    failures: list[str] = []
    asked: Counter[str] = Counter()
    answered: Counter[int] = Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failures.append(repr(event))
        if isinstance(event, events.ScenarioFinished):
            asked[event.recorder.label] += len(event.recorder.interactions)
            answered.update(one.response.status_code for one in event.recorder.interactions.values() if one.response)
            failures += failed_checks(event)
    return failures, asked, answered


def failed_checks(event: events.ScenarioFinished) -> list[str]:
    checks = [check for one in event.recorder.checks.values() for check in one]
    return [
        f"{event.recorder.label}: {check.name}: {info.failure.message}\n{info.code_sample}"
        for check in checks
        if (info := check.failure_info) is not None
    ]


def operations(schema: schemathesis.BaseSchema) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, item in schema.raw_schema["paths"].items()
        for method in item
        if method in METHODS
    }


def shown(failures: Sequence[str]) -> str:
    return "\n\n".join([f"{len(failures)} checks failed", *failures[:20]])


@pytest.mark.timeout(3600 if IS_LONG else 120)
@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role or "nobody")
def test_every_operation_answers_as_it_is_described_whoever_asks(
    house: House, measured: Measured, role: Role | None
) -> None:
    schema = description(house, token=role and house.running.tokens[role], is_thorough=IS_LONG or role is Role.ADMIN)
    failures, asked, answered = run(schema)
    assert not failures, shown(failures)
    assert operations(schema) <= set(asked)
    assert len(operations(schema)) >= LEAST_OPERATIONS
    assert not [status for status in answered if status >= 500]
    measured("openapi.operations", len(operations(schema)))
    measured("openapi.requests", sum(asked.values()))


def test_nothing_is_excused_that_is_not_there(house: House) -> None:
    there = operations(description(house, token=None, is_thorough=False))
    assert set().union(*EXCUSED.values()) <= there
