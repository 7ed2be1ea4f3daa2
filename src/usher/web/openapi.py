"""What `/openapi.json` says of the routes that are not FastAPI's own."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

PLAIN = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of the whole service; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        made["paths"] |= BARE_PATHS
        app.openapi_schema = made
    return app.openapi_schema


def _answer(text: str, **more: Any) -> dict[str, Any]:
    return {"description": text, **more}


BARE_PATHS: dict[str, Any] = {
    "/triggers/{auth_id}": {
        "post": {
            "summary": "Take in a message of Lytics' Audience Triggers webhook.",
            "description": "Single, batch or CloudEvents. 200 means that it is kept; 503 asks for it again.",
            "parameters": [{"name": "auth_id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {}}}},
            "responses": {
                "200": _answer("Kept."),
                "401": _answer("The trigger token is not valid for this address."),
                "413": _answer("Larger than 16 MiB."),
                "503": _answer("Not kept; send it again after Retry-After."),
            },
        }
    },
    "/healthz": {"get": {"summary": "Is the process alive?", "responses": {"200": _answer("Alive.", **PLAIN)}}},
    "/readyz": {
        "get": {
            "summary": "Does the database answer?",
            "responses": {"200": _answer("It does."), "503": _answer("It does not.")},
        }
    },
    "/metrics": {
        "get": {
            "summary": "Everything counted, as Prometheus reads it.",
            "security": [{"APIKeyHeader": []}],
            "responses": {"200": _answer("Metrics.", **PLAIN), "401": _answer("No valid token.")},
        }
    },
}
