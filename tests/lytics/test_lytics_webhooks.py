from dataclasses import dataclass, field
from typing import Any

import pytest
from fake_lytics import Asked, FakeHttp, client_answering, client_of, data, refusal, reply

from usher.errors import RemoteError, RemoteMissing, RemoteRefused, RemoteRejected, RemoteUnknown, RemoteUnreachable
from usher.http import Reply
from usher.lytics.webhooks import WebhookJob

SECRET = "tr1gger-s3cret"
WISHES = {
    "audience_id": "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f",
    "label": "Usher: VIP buyers",
    "url": "https://usher.example/triggers/lytics-1",
    "authorization_header": f"Bearer {SECRET}",
    "identifier_field": "email",
}
SOMEBODY_ELSES = {"id": "job-0", "auth_ids": ["auth-0"], "status": "runnable"}


@dataclass
class JobsOfLytics:
    """
    Lytics' authorizations and jobs.

    Args:
        odd: what to answer instead, by request line; None carries the request out and loses the answer.
    """

    odd: dict[str, Reply | RemoteError | None] = field(default_factory=dict)
    auths: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=lambda: {"job-0": dict(SOMEBODY_ELSES)})

    def __call__(self, asked: Asked) -> Reply | RemoteError:
        if asked.line not in self.odd:
            return self._carry_out(asked)
        answer = self.odd[asked.line]
        if answer is None:
            self._carry_out(asked)
            return RemoteUnknown("lytics.example did not answer in time.")
        return answer

    def _carry_out(self, asked: Asked) -> Reply:  # noqa: PLR0911 - a table, read downwards
        match asked.method, asked.path.split("/")[2:]:
            case "POST", ["auth", "header-param-auth"]:
                self.auths["auth-1"] = asked.body
                return data({"id": "auth-1", "label": asked.body["label"]}, 201)
            case "POST", ["job", "webhook-triggers"]:
                self.jobs["job-1"] = {"id": "job-1", "status": "runnable"} | asked.body
                return data(self.jobs["job-1"], 201)
            case "GET", ["job"]:
                return data(list(self.jobs.values()))
            case "GET", ["job", job_id] if job_id in self.jobs:
                return data(self.jobs[job_id])
            case "POST", ["job", job_id, "kill"] if job_id in self.jobs:
                if self.jobs[job_id]["status"] == "killed":
                    return refusal(400, "the job has ended")
                self.jobs[job_id]["status"] = "killed"
                return data(self.jobs[job_id])
            case "DELETE", ["job", job_id] if job_id in self.jobs:
                del self.jobs[job_id]
                return reply(204, b"")
            case "DELETE", ["auth", auth_id] if auth_id in self.auths:
                if any(auth_id in job["auth_ids"] and job["status"] != "killed" for job in self.jobs.values()):
                    return refusal(409, "in use")
                del self.auths[auth_id]
                return reply(200, b"")
        return refusal(404, "no such thing")

    @property
    def is_as_before(self) -> bool:
        return self.auths == {} and self.jobs == {"job-0": SOMEBODY_ELSES}


async def test_a_webhook_is_made_with_a_header_authorization_of_its_own() -> None:
    lytics = JobsOfLytics()
    http = FakeHttp(lytics)

    made = await client_of(http).make_trigger_webhook(**WISHES)

    assert made == WebhookJob("job-1", "auth-1")
    assert http.lines == ["POST /v2/auth/header-param-auth", "POST /v2/job/webhook-triggers"]
    assert lytics.auths["auth-1"]["config"] == {"webhook_request_headers": f"Authorization: Bearer {SECRET}"}
    job = lytics.jobs["job-1"]
    assert (job["name"], job["auth_ids"]) == ("Usher: VIP buyers", ["auth-1"])
    assert job["config"] == {
        "segment_ids": ["0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"],
        "webhook_url": "https://usher.example/triggers/lytics-1",
        "http_method": "POST",
        "user_fields": ["email"],
        "batch_requests": True,
        "batch_size": 10,
        "batch_flush_duration": 1,
        "withbackfill": False,
        "include_segs": False,
        "cloudevents": False,
    }


async def test_a_token_that_may_not_make_authorizations_is_refused_and_nothing_is_made() -> None:
    http = FakeHttp(JobsOfLytics({"POST /v2/auth/header-param-auth": refusal(403, f"may not: {SECRET}")}))

    with pytest.raises(RemoteRefused) as caught:
        await client_of(http).make_trigger_webhook(**WISHES)

    assert SECRET not in caught.value.message
    assert http.lines == ["POST /v2/auth/header-param-auth"]


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (refusal(400, "unknown segment"), RemoteRejected),
        (refusal(403), RemoteRefused),
        (refusal(429), RemoteUnreachable),
        (refusal(500), RemoteUnknown),
        (reply(502, b"<html>"), RemoteUnknown),
        (reply(201, b'{"data": {'), RemoteUnknown),
        (data({"id": None}, 201), RemoteRejected),
        (RemoteUnreachable("no connection"), RemoteUnreachable),
        (RemoteUnknown("no answer"), RemoteUnknown),
        (None, RemoteUnknown),
    ],
)
async def test_when_the_job_cannot_be_made_the_authorization_is_taken_away_again(
    odd: Reply | RemoteError | None, kind: type[RemoteError]
) -> None:
    lytics = JobsOfLytics({"POST /v2/job/webhook-triggers": odd})

    with pytest.raises(kind):
        await client_of(FakeHttp(lytics)).make_trigger_webhook(**WISHES)

    assert lytics.is_as_before


async def test_a_job_that_lytics_made_without_saying_its_id_is_taken_away_again() -> None:
    lytics = JobsOfLytics()

    def silent(asked: Asked) -> Reply | RemoteError:
        answer = lytics(asked)
        return data({}, 201) if asked.line == "POST /v2/job/webhook-triggers" else answer

    with pytest.raises(RemoteRejected, match="did not say its id"):
        await client_of(FakeHttp(silent)).make_trigger_webhook(**WISHES)

    assert lytics.is_as_before


async def test_what_could_not_be_taken_away_again_is_named() -> None:
    odd = {"POST /v2/job/webhook-triggers": refusal(400, "unknown segment"), "DELETE /v2/auth/auth-1": refusal(503)}

    with pytest.raises(RemoteRejected, match=r"unknown segment.*remove the authorization auth-1 in Lytics"):
        await client_of(FakeHttp(JobsOfLytics(odd))).make_trigger_webhook(**WISHES)


async def test_an_authorization_that_may_have_been_made_is_named() -> None:
    http = FakeHttp(JobsOfLytics({"POST /v2/auth/header-param-auth": None}))

    with pytest.raises(RemoteUnknown, match="authorization named 'Usher: VIP buyers'"):
        await client_of(http).make_trigger_webhook(**WISHES)

    assert http.lines == ["POST /v2/auth/header-param-auth"]


async def test_removing_a_webhook_removes_its_job_and_its_authorization_and_may_be_repeated() -> None:
    lytics = JobsOfLytics()
    client = client_of(FakeHttp(lytics))
    made = await client.make_trigger_webhook(**WISHES)

    await client.remove_trigger_webhook(made)
    assert lytics.is_as_before

    await client.remove_trigger_webhook(made)
    assert lytics.is_as_before


@pytest.mark.parametrize("odd", [refusal(404), refusal(405), reply(404, b"")])
async def test_a_job_that_cannot_be_deleted_is_stopped_all_the_same(odd: Reply) -> None:
    lytics = JobsOfLytics({"DELETE /v2/job/job-1": odd})
    client = client_of(FakeHttp(lytics))
    made = await client.make_trigger_webhook(**WISHES)

    await client.remove_trigger_webhook(made)
    await client.remove_trigger_webhook(made)

    assert lytics.jobs["job-1"]["status"] == "killed"
    assert lytics.auths == {}


async def test_a_job_that_lytics_will_not_stop_is_an_error_and_keeps_its_authorization() -> None:
    lytics = JobsOfLytics({"POST /v2/job/job-1/kill": refusal(409, "busy")})
    client = client_of(FakeHttp(lytics))
    made = await client.make_trigger_webhook(**WISHES)

    with pytest.raises(RemoteRejected, match="busy"):
        await client.remove_trigger_webhook(made)

    assert list(lytics.auths) == ["auth-1"]


@pytest.mark.parametrize("line", ["POST /v2/job/job-1/kill", "DELETE /v2/job/job-1", "DELETE /v2/auth/auth-1"])
async def test_a_removal_whose_answer_was_lost_is_asked_again(line: str) -> None:
    lytics = JobsOfLytics({line: None})
    client = client_of(FakeHttp(lytics))
    made = await client.make_trigger_webhook(**WISHES)
    with pytest.raises(RemoteUnreachable):
        await client.remove_trigger_webhook(made)

    lytics.odd.clear()
    await client.remove_trigger_webhook(made)

    assert lytics.is_as_before


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"status": "sleeping"}, "sleeping"),
        ({"status": "runnable", "deleted": True}, "deleted"),
        ({"status": None}, "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
async def test_a_webhooks_status_is_lytics_own_word(job: Any, expected: str) -> None:
    assert await client_answering(data(job)).webhook_status("job-1") == expected


async def test_a_webhook_that_somebody_removed_is_missing() -> None:
    with pytest.raises(RemoteMissing):
        await client_answering(refusal(404)).webhook_status("job-1")
