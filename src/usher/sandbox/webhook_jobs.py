"""
The webhook jobs of the pretend Lytics: what was configured, and the emitter that each one runs.

Source: Lytics' V2 OpenAPI (JobRequest, JobResponse, WebhookTriggers; confirmed).
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from usher.clock import Clock, iso_from_ms, iso_or_none
from usher.sandbox.audiences import Audiences, Change, SegmentEvent
from usher.sandbox.emitter import EmissionQuirks, Emitter
from usher.sandbox.lytics_audiences import ACCOUNT
from usher.sandbox.lytics_door import RefusalError
from usher.sandbox.lytics_keys import LyticsKeys
from usher.sandbox.lytics_scan import profile
from usher.sandbox.trigger_body import WebhookConfig, message, wanted_events
from usher.sandbox.webhook_post import WebhookClient

WORKFLOW = "webhook_triggers"
LOGS_KEPT = 200


@dataclass(slots=True)
class WebhookJob:
    id: str
    name: str
    description: str
    auth_ids: list[str]
    given: dict[str, Any]
    created: str
    updated: str
    emitter: Emitter
    logs: deque[dict[str, Any]]

    def shown(self) -> dict[str, Any]:
        """The job as Lytics' API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "account_id": ACCOUNT["account_id"],
            "auth_ids": self.auth_ids,
            "config": self.given,
            "workflow": WORKFLOW,
            "workflow_id": "9f2b7c61d05e4a38b7c61d05e4a389f2",
            "status": self.emitter.status,
            "sleep_until": iso_or_none(self.emitter.sleep_until_ms) or "",
            "created": self.created,
            "updated": self.updated,
            "deleted": self.emitter.status == "deleted",
        }


@dataclass(slots=True)
class WebhookJobs:
    """Hears of every change and hands it to each job that wants it. `aclose` ends every emitter."""

    audiences: Audiences
    keys: LyticsKeys
    client: WebhookClient
    clock: Clock
    rng: random.Random
    time_scale: float
    is_http_allowed: bool
    quirks: EmissionQuirks = field(default_factory=EmissionQuirks)
    by_id: dict[str, WebhookJob] = field(default_factory=dict)

    @property
    def pending(self) -> int:
        """Messages on their way; those of a job that was killed or has failed go nowhere."""
        return sum(j.emitter.pending for j in self.by_id.values() if j.emitter.status in {"runnable", "sleeping"})

    def hear(self, change: Change) -> None:
        for job in self.by_id.values():
            events = wanted_events(change, job.emitter.config)
            if events:
                job.emitter.put(replace(change, events=events))

    def create(self, body: dict[str, Any]) -> WebhookJob:
        """
        Begin a job; with `withbackfill` everybody inside is sent as an enter first.

        Raises:
            RefusalError: 400, the request is not a sound one.
        """
        config = self._config(body)
        now = iso_from_ms(self.clock.now_ms())
        job_id = f"{self.rng.getrandbits(128):032x}"
        logs: deque[dict[str, Any]] = deque(maxlen=LOGS_KEPT)
        emitter = self._emitter(job_id, config, self._log(job_id, logs))
        job = WebhookJob(job_id, "", "", [], {}, now, now, emitter, logs)
        self._fill(job, body)
        self.by_id[job_id] = job
        emitter.start()
        emitter.log("info", "started")
        if config.withbackfill:
            self._backfill(emitter)
        return job

    def edit(self, job: WebhookJob, body: dict[str, Any]) -> None:
        job.emitter.config = self._config(body)
        self._fill(job, body)
        job.updated = iso_from_ms(self.clock.now_ms())

    async def aclose(self) -> None:
        for job in self.by_id.values():
            await job.emitter.aclose()

    def _fill(self, job: WebhookJob, body: dict[str, Any]) -> None:
        job.name, job.description = str(body["name"]), str(body.get("description", ""))
        job.auth_ids, job.given = list(body.get("auth_ids") or ()), dict(body["config"])

    def _config(self, body: dict[str, Any]) -> WebhookConfig:
        if not body.get("name"):
            raise RefusalError(400, "JOB-BADREQ-002", "name is required")
        try:
            config = msgspec.convert(body.get("config"), WebhookConfig)
        except msgspec.ValidationError as error:
            raise RefusalError(400, "JOB-BADREQ-002", f"config: {error}") from error
        for segment_id in config.segment_ids or [""]:
            audience = self.audiences.find(segment_id)
            if audience is None or audience.is_deleted or audience.id != segment_id:
                raise RefusalError(400, "JOB-BADREQ-002", "segment_ids: no such segment id")
        schemes = ("https://", "http://") if self.is_http_allowed else ("https://",)
        if not config.webhook_url.startswith(schemes):
            raise RefusalError(400, "JOB-BADREQ-002", "webhook_url must be https")
        for key_id in body.get("auth_ids") or ():
            if key_id not in self.keys.by_id:
                raise RefusalError(400, "JOB-BADREQ-002", "auth_ids: no such authorization")
        return config

    def _emitter(self, job_id: str, config: WebhookConfig, log: Callable[[str, str], None]) -> Emitter:
        def headers() -> dict[str, str]:
            known = [self.keys.by_id[k] for k in self.by_id[job_id].auth_ids if k in self.keys.by_id]
            return {name: value for key in known for name, value in key.headers().items()}

        def query() -> str:
            known = [self.keys.by_id[k] for k in self.by_id[job_id].auth_ids if k in self.keys.by_id]
            return "&".join(key.query() for key in known if key.query())

        def shape(change: Change) -> dict[str, Any]:
            return message(
                change,
                profile(self.audiences, change.person),
                config=self.by_id[job_id].emitter.config,
                job_id=job_id,
                segment_ids=[audience.id for audience in self.audiences.holding(change.person.index)],
                now_ns=self.clock.now_ms() * 1_000_000 + self.rng.randrange(1_000_000),
            )

        post = self.client.poster(headers, query)
        return Emitter(config, shape, post, log, self.clock, self.rng, self.quirks, time_scale=self.time_scale)

    def _backfill(self, emitter: Emitter) -> None:
        now_ns = self.clock.now_ms() * 1_000_000
        found = [self.audiences.find(segment_id) for segment_id in emitter.config.segment_ids]
        for audience in (a for a in found if a is not None):
            event = SegmentEvent(audience.id, audience.slug, "enter", now_ns)
            for index in audience.indexes():
                emitter.put(Change(self.audiences.people[index], (event,)))

    def _log(self, job_id: str, logs: deque[dict[str, Any]]) -> Callable[[str, str], None]:
        def log(level: str, text: str) -> None:
            now = iso_from_ms(self.clock.now_ms())
            logs.append(
                {"job_id": job_id, "level": level, "message": text, "timestamp": now, "code": "", "context": {}}
            )

        return log
