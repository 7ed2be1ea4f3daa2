"""Lytics' routes for jobs: make, look, edit, command and remove."""

from dataclasses import dataclass
from typing import Any

from usher.sandbox.emitter import Status
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.lytics_door import Found, LyticsDoor, RefusalError
from usher.sandbox.webhook_jobs import WORKFLOW, WebhookJob, WebhookJobs

USUALLY_SHOWN = frozenset(("runnable", "sleeping", "paused", "fault"))
COMMANDS: dict[str, tuple[frozenset[Status], Status]] = {
    "pause": (frozenset(("runnable", "sleeping")), "paused"),
    "resume": (frozenset(("paused",)), "runnable"),
    "bounce": (frozenset(("failed", "sleeping", "runnable")), "runnable"),
    "kill": (frozenset(("runnable", "sleeping", "paused", "failed")), "killed"),
}


@dataclass(slots=True)
class LyticsJobs:
    jobs: WebhookJobs
    door: LyticsDoor

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below /lytics, place, handler)."""
        v2, place = self.door.v2, "lytics.job"
        return [
            ("POST", "/v2/job/webhook-triggers", place, v2(self.create, right="jobs")),
            ("GET", "/v2/job/webhook-triggers/{id}", place, v2(self.one, right="jobs")),
            ("PUT", "/v2/job/webhook-triggers/{id}", place, v2(self.edit, right="jobs")),
            ("GET", "/v2/job", place, v2(self.every, right="jobs")),
            ("GET", "/v2/job/{id}", place, v2(self.one, right="jobs")),
            ("DELETE", "/v2/job/{id}", place, v2(self.delete, right="jobs")),
            ("GET", "/v2/job/{id}/logs", place, v2(self.logs, right="jobs")),
            ("POST", "/v2/job/{id}/{command}", place, v2(self.command, right="jobs")),
        ]

    async def create(self, call: Call) -> Found:
        return Found(self.jobs.create(call.json_object()).shown(), status=201)

    async def edit(self, call: Call) -> Found:
        job = self._wanted(call)
        self.jobs.edit(job, call.json_object())
        return Found(job.shown())

    async def one(self, call: Call) -> Found:
        return Found(self._wanted(call).shown())

    async def every(self, call: Call) -> Found:
        query = call.query
        shown = [job.shown() for job in self.jobs.by_id.values()]
        if query.get("workflow", WORKFLOW) != WORKFLOW:
            return Found([])
        return Found([job for job in shown if _is_asked_for(job, query)])

    async def delete(self, call: Call) -> Found:
        job = self._wanted(call)
        job.emitter.turn("deleted")
        await job.emitter.aclose()
        return Found(job.shown())

    async def command(self, call: Call) -> Found:
        job, name = self._wanted(call), call.params["command"]
        if name not in COMMANDS:
            raise RefusalError(404, "NOTFOUND-003", "no such command")
        allowed, status = COMMANDS[name]
        if job.emitter.status not in allowed:
            raise RefusalError(400, "JOB-BADREQ-002", f"cannot {name} a job that is {job.emitter.status}")
        job.emitter.turn(status)
        job.emitter.log("info", status)
        return Found(job.shown())

    async def logs(self, call: Call) -> Found:
        return Found(list(self._wanted(call).logs))

    def _wanted(self, call: Call) -> WebhookJob:
        job = self.jobs.by_id.get(call.params["id"])
        if job is None or job.emitter.status == "deleted":
            raise RefusalError(404, "JOB-NOTFOUND-004", "no such job")
        return job


def _is_asked_for(job: dict[str, Any], query: dict[str, str]) -> bool:
    state, is_all = query.get("show_state"), query.get("show_all") == "true"
    if state:
        return bool(job["status"] == state)
    if job["deleted"]:
        return is_all or query.get("show_deleted") == "true"
    is_over = job["status"] not in USUALLY_SHOWN
    return not is_over or is_all or query.get("show_completed") == "true"
