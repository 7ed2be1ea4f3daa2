"""
A service with one job and a filled ledger, a process of its own: `python -m benchmarks.trigger_house FOLDER MEMBERS`.

`--parse-only` answers from the same server and framework after reading the message, and keeps nothing: the yardstick.
It prints one JSON line, `{"url": …, "authorization": …}`, and serves until its input ends.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import uvloop
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.owed import a_job
from usher.cli.serving import network_socket, served
from usher.domain.job import Status
from usher.jobs.endpoint import fresh_token
from usher.jobs.sealing import seal_secrets
from usher.lytics.triggers import read_message
from usher.settings import settings_from
from usher.store import authorizations, jobs
from usher.store.authorizations import Authorization
from usher.store.database import Txn
from usher.web.logging import configure_logging
from usher.wiring import Service, build

MAPP, LYTICS, TOKEN = "a" * 32, "b" * 32, "a token that only this benchmark knows"
ALREADY_MS = 1_700_000_000_000  # when those who are in the ledger entered
FILL = text(
    "INSERT INTO ledger (job, member, is_in, version, seq, lane, attempts, accepted, accepted_at, was)"
    " WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :members)"
    " SELECT :job, printf('person%07d@example.com', i), 1, :now * 1000000, 1, 1, 0, 1, :now, 1 FROM n"
    " WHERE :members > 0"
)


@asynccontextmanager
async def house(folder: Path, members: int) -> AsyncIterator[Service]:
    """A paused job whose people Mapp has accepted: triggers are kept, and nothing is sent meanwhile."""
    service = build(settings_from({"USHER_DATA_DIR": str(folder), "USHER_ALLOW_HTTP": "1", "USHER_ALLOW_PRIVATE": "1"}))
    try:
        await service.desk.database.write(lambda txn: _fill(txn, service, members))
        yield service
    finally:
        await service.http.close()
        await service.store.close()


def _fill(txn: Txn, service: Service, members: int) -> None:
    desk = service.desk
    for auth_id, provider, kind, secret in (
        (MAPP, "mapp", "integration-secret", "secret"),
        (LYTICS, "lytics", "lytics-token", "token"),
    ):
        secrets = seal_secrets(desk.vault, {secret: "secret"}, auth_id=auth_id)
        config = {"api_url": "http://127.0.0.1:9", "integration_id": "5a4d7b0e"}
        auth = Authorization(id=auth_id, provider=provider, type=kind, label=provider, config=config, secrets=secrets)
        authorizations.add_authorization(txn, auth)
    authorizations.add_trigger_token(txn, fresh_token(desk, LYTICS, plain=TOKEN), older_expire_ms=txn.now_ms)
    made = replace(a_job(), mapp_auth=MAPP, lytics_auth=LYTICS, status=Status.SLEEPING)
    job = jobs.add_job(txn, replace(made, config=replace(made.config, exit_brake=False)))
    txn.conn.execute(FILL, {"job": job.key, "members": members, "now": ALREADY_MS})
    for name in ("total", "in"):
        txn.tally[job.key, f"members.{name}"] = members
    txn.tally[job.key, "sent.accepted"] = members


async def _parse_only(request: Request) -> JSONResponse:
    read_message(await request.body())
    return JSONResponse({"data": {}, "request_id": "0" * 32, "status": 200, "_meta": {}})


async def _serve(folder: Path, members: int, *, is_parsing_only: bool) -> None:
    listening = network_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/triggers/{LYTICS}"
    if is_parsing_only:
        app = Starlette(routes=[Route("/triggers/{auth_id}", _parse_only, methods=["POST"])])
        async with served(app, [listening]):
            await _until_told(url)
        return
    async with house(folder, members) as service, served(service.app, [listening]):
        await _until_told(url)


async def _until_told(url: str) -> None:
    print(json.dumps({"url": url, "authorization": f"Bearer {TOKEN}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    configure_logging(is_quiet=True)
    folder, members, *options = sys.argv[1:]
    uvloop.run(_serve(Path(folder), int(members), is_parsing_only="--parse-only" in options))


if __name__ == "__main__":
    main()
