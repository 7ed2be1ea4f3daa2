"""The REST API, from its routes (who may use them) and the OpenAPI document (what they take and answer)."""

from types import SimpleNamespace
from typing import Any, cast

from tools.markdown import anchor, code, page, paragraph, table
from usher import __version__
from usher.jobs.credentials import KINDS
from usher.web.app import create_app
from usher.web.deps import WebDeps
from usher.web.openapi import BARE_PATHS
from usher.web.request_shapes import AUTH, JOB, MEMBERS, TOKEN
from usher.web.routes import ROUTES, ApiRoute

Schema = dict[str, Any]
BODIES = {"job": JOB, "authorization": AUTH, "members": MEMBERS, "token": TOKEN}
ENVELOPE = ("Ok_", "Failed", "ErrorItem")


def rest_page() -> str:
    described = document()
    shapes = {
        name: shape for name, shape in described["components"]["schemas"].items() if not name.startswith(ENVELOPE)
    }
    return page(
        "REST API",
        "The shapes are those of Lytics' own v2 API; what was written for theirs works here.\n"
        "Send the token in `Authorization`, raw or as `Bearer <token>`.\n"
        "The service describes itself at `/openapi.json`.",
        'A success is `{"data": …, "request_id": …, "status": 200, "_meta": {}}`.\n'
        'A failure is `{"status": 4xx, "request_id": …, "errors": [{"code", "level", "message", '
        '"timestamp"}]}`; an entry names its `field` where there is one.\n'
        "A list that goes on carries the next cursor as `_meta.next`; pass it as `cursor`.\n"
        "[Errors](errors.md) lists the codes.",
        "## Routes",
        table(
            ("Method", "Address", "Role", "Takes", "Answers", "What it does"),
            [_row(route, described) for route in ROUTES if not route.handler.__name__.startswith("unknown_")],
        ),
        f"`auth_type` is one of {', '.join(code(kind) for kind in KINDS)}.\n"
        "Each role may do what those before it may: viewer, operator, admin.\nViewers see members' identifiers masked.",
        "## For machines",
        table(("Method", "Address", "What it does", "Answers"), _bare_rows()),
        "## What requests take",
        *(_body(name, schema) for name, schema in BODIES.items()),
        "## What answers hold",
        *(_shape(name, shape) for name, shape in sorted(shapes.items())),
    )


def document() -> Schema:
    """Describe the service without starting it: nothing of its parts is asked for the description."""
    desk = SimpleNamespace(clock=None, new_id=None)
    deps = SimpleNamespace(desk=desk, ingest=None, telemetry=None, authenticate=None, version=__version__)
    return create_app(cast("WebDeps", deps)).openapi()


def _row(route: ApiRoute, described: Schema) -> tuple[str, ...]:
    operation = described["paths"][route.path.replace(":path", "")][route.method.lower()]
    answered = operation["responses"][str(route.status)]["content"]["application/json"]["schema"]
    data = _dereferenced(answered, described)["properties"]["data"]
    takes = next((name for name, schema in BODIES.items() if schema is route.takes), "")
    query = [param["name"] for param in operation.get("parameters", []) if param["in"] == "query"]
    return (
        route.method,
        code(route.path.replace(":path", "")),
        route.needs.value,
        " ".join([f"[{takes}](#{anchor(takes)})" if takes else "", *(code(f"?{name}=") for name in query)]).strip(),
        _kind(data),
        operation["summary"],
    )


def _dereferenced(schema: Schema, described: Schema) -> Schema:
    return cast("Schema", described["components"]["schemas"][schema["$ref"].rpartition("/")[2]])


def _bare_rows() -> list[tuple[str, ...]]:
    return [
        (
            method.upper(),
            code(path),
            operation["summary"],
            " ".join(f"{status}: {answer['description']}" for status, answer in operation["responses"].items()),
        )
        for path, operations in BARE_PATHS.items()
        for method, operation in operations.items()
    ]


def _body(name: str, schema: Schema) -> str:
    rows = [
        (code(key), _kind(one), "yes" if key in schema.get("required", ()) else "")
        for key, one in schema["properties"].items()
        if key != "config"
    ]
    config = schema["properties"].get("config", {})
    rows += [
        (code(f"config.{key}"), _kind(one), "yes" if key in config.get("required", ()) else "")
        for key, one in config.get("properties", {}).items()
    ]
    return f"### {name}\n\n" + table(("Field", "Type", "Needed"), rows)


def _shape(name: str, shape: Schema) -> str:
    rows = [(code(key), _kind(one)) for key, one in shape.get("properties", {}).items()]
    return f"### {name}\n\n{paragraph(shape.get('description'))}\n\n" + table(("Field", "Type"), rows)


def _kind(schema: Schema) -> str:
    """Say in a few words what a value is."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(code(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))
