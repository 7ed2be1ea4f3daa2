"""Every route of the API on one page: its address, who may use it, and what answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

from usher.access.roles import Role
from usher.jobs.credentials import KINDS
from usher.web import (
    activity_routes,
    alert_routes,
    auth_routes,
    erasure_routes,
    finding_routes,
    health_routes,
    job_routes,
    lytics_routes,
    member_routes,
    person_routes,
    record_routes,
    removal_routes,
    token_routes,
    trial_routes,
    worker_routes,
)
from usher.web.activity_shape import ActivityBody, OverviewBody, SetAsideBody
from usher.web.alert_shape import AlertsBody, ChannelBody, ChannelTestBody
from usher.web.auth_shape import AuthBody, TokenBody
from usher.web.envelope import Ok
from usher.web.job_shape import JobBody, JobLogBody
from usher.web.member_shape import ExplanationBody, MemberBody, PreviewBody, ProgressBody
from usher.web.person_routes import PersonBody
from usher.web.request_shapes import (
    AUTH,
    CHANNEL,
    CHANNEL_CHANGE,
    HOLD,
    JOB,
    JOB_CHANGE,
    MEMBERS,
    NAMED,
    NEW_JOB,
    PERSON,
    ROLE,
    TOKEN,
    TRIAL,
)

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN
EXPORT = "/v2/job/mapp-trigger-export"
ENDPOINT = "/v2/auth/{auth_id}/trigger-endpoint"


class ApiRoute(NamedTuple):
    """
    One route.

    Args:
        needs: the lowest role that may use it.
        answers: the model of its answer's body.
        takes: the JSON Schema of its request's body, or None where it takes none.
        status: what success is answered with.
        has_nulls: whether an absent value is null, as in our own shapes; Lytics' published ones know no null.
    """

    method: str
    path: str
    needs: Role
    handler: Callable[..., Any]
    answers: Any
    takes: dict[str, Any] | None = None
    status: int = 200
    has_nulls: bool = False


# The order matters: a word stands before a parameter that would match it.
ROUTES: tuple[ApiRoute, ...] = (
    ApiRoute("POST", EXPORT, OPERATOR, job_routes.create_job, Ok[JobBody], NEW_JOB, 201),
    ApiRoute("POST", EXPORT + "/preview", VIEWER, job_routes.preview_job, Ok[PreviewBody], JOB, has_nulls=True),
    ApiRoute("POST", EXPORT + "/send-one", OPERATOR, trial_routes.send_one,
             Ok[trial_routes.TrialBody], TRIAL, has_nulls=True),
    ApiRoute("POST", EXPORT + "/{job_id}/preview", VIEWER, trial_routes.preview_edit,
             Ok[trial_routes.EditPreviewBody], JOB_CHANGE, has_nulls=True),
    ApiRoute("GET", EXPORT + "/{job_id}", VIEWER, job_routes.show_job, Ok[JobBody]),
    ApiRoute("PUT", EXPORT + "/{job_id}", OPERATOR, job_routes.edit_job, Ok[JobBody], JOB),
    ApiRoute("GET", "/v2/job", VIEWER, job_routes.list_jobs, Ok[list[JobBody]]),
    ApiRoute("GET", "/v2/job/{job_id}", VIEWER, job_routes.show_job, Ok[JobBody]),
    ApiRoute("DELETE", "/v2/job/{job_id}", OPERATOR, job_routes.delete_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/pause", OPERATOR, job_routes.pause_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/resume", OPERATOR, job_routes.resume_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/bounce", OPERATOR, job_routes.bounce_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/kill", OPERATOR, job_routes.kill_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/retry", OPERATOR, member_routes.retry_members,
             Ok[member_routes.OwedBody], MEMBERS),
    ApiRoute("POST", "/v2/job/{job_id}/resend", OPERATOR, job_routes.resend_job, Ok[JobBody], NAMED),
    ApiRoute("POST", "/v2/job/{job_id}/reconcile", OPERATOR, job_routes.reconcile_job, Ok[JobBody]),
    ApiRoute("POST", "/v2/job/{job_id}/confirm-removals", OPERATOR, job_routes.confirm_removals, Ok[JobBody], HOLD),
    ApiRoute("POST", "/v2/job/{job_id}/discard-removals", OPERATOR, job_routes.discard_removals, Ok[JobBody], HOLD),
    ApiRoute("GET", "/v2/job/{job_id}/logs", VIEWER, job_routes.job_logs, Ok[list[JobLogBody]]),
    ApiRoute("GET", "/v2/job/{job_id}/progress", VIEWER, member_routes.job_progress, Ok[ProgressBody], has_nulls=True),
    ApiRoute("GET", "/v2/job/{job_id}/activity", VIEWER, activity_routes.job_activity,
             Ok[ActivityBody], has_nulls=True),
    ApiRoute("GET", "/v2/job/{job_id}/set-aside", VIEWER, activity_routes.show_set_aside,
             Ok[SetAsideBody], has_nulls=True),
    ApiRoute("GET", "/v2/job/{job_id}/removals", VIEWER, removal_routes.show_removals,
             Ok[removal_routes.RemovalsBody], has_nulls=True),
    ApiRoute("GET", "/v2/health", VIEWER, health_routes.show_health, Ok[health_routes.HealthBody], has_nulls=True),
    ApiRoute("GET", "/v2/worker", VIEWER, worker_routes.show_workers,
             Ok[list[worker_routes.WorkerBody]], has_nulls=True),
    ApiRoute("GET", "/v2/overview", VIEWER, activity_routes.show_overview, Ok[OverviewBody], has_nulls=True),
    ApiRoute("GET", "/v2/job/{job_id}/members", VIEWER, member_routes.list_members,
             Ok[list[MemberBody]], has_nulls=True),
    ApiRoute("GET", "/v2/job/{job_id}/members/{member:path}", VIEWER, member_routes.explain_member,
             Ok[ExplanationBody], has_nulls=True),
    ApiRoute("GET", "/v2/member/{member:path}", VIEWER, finding_routes.find_member,
             Ok[finding_routes.FoundBody], has_nulls=True),
    ApiRoute("POST", "/v2/member/{member:path}/lift-erasure", ADMIN, erasure_routes.lift_erasure,
             Ok[erasure_routes.LiftedBody]),
    ApiRoute("DELETE", "/v2/member/{member:path}", ADMIN, erasure_routes.erase_member,
             Ok[erasure_routes.ReceiptBody], has_nulls=True),
    ApiRoute("POST", "/v2/job/{workflow}", OPERATOR, job_routes.unknown_workflow, Ok[JobBody], JOB),
    ApiRoute("PUT", "/v2/job/{workflow}/{job_id}", OPERATOR, job_routes.unknown_workflow_of, Ok[JobBody], JOB),
    ApiRoute("GET", "/v2/auth", VIEWER, auth_routes.list_authorizations, Ok[list[AuthBody]]),
    ApiRoute("GET", "/v2/auth/{auth_id}", VIEWER, auth_routes.show_authorization, Ok[AuthBody]),
    ApiRoute("DELETE", "/v2/auth/{auth_id}", ADMIN, auth_routes.delete_authorization, Ok[dict[str, str]]),
    *(
        ApiRoute("POST", f"/v2/auth/{kind}/test", ADMIN, auth_routes.testing_of(kind),
                 Ok[auth_routes.ReportBody], AUTH, has_nulls=True)
        for kind in KINDS
    ),
    ApiRoute("POST", "/v2/auth/{auth_id}/test", ADMIN, auth_routes.test_authorization,
             Ok[auth_routes.ReportBody], has_nulls=True),
    ApiRoute("GET", "/v2/auth/{auth_id}/group", VIEWER, auth_routes.list_groups, Ok[list[auth_routes.GroupBody]]),
    ApiRoute("GET", ENDPOINT, ADMIN, auth_routes.trigger_endpoint, Ok[auth_routes.EndpointBody]),
    ApiRoute("POST", ENDPOINT, ADMIN, auth_routes.new_trigger_token, Ok[auth_routes.EndpointBody]),
    ApiRoute("DELETE", ENDPOINT, ADMIN, auth_routes.drop_old_trigger_tokens, Ok[auth_routes.EndedBody]),
    ApiRoute("POST", "/v2/auth/{auth_type}", ADMIN, auth_routes.create_authorization, Ok[AuthBody], AUTH, 201),
    ApiRoute("GET", "/v2/auth/{auth_type}/{auth_id}", VIEWER, auth_routes.show_typed_authorization, Ok[AuthBody]),
    ApiRoute("PUT", "/v2/auth/{auth_type}/{auth_id}", ADMIN, auth_routes.change_authorization, Ok[AuthBody], AUTH),
    ApiRoute("GET", "/v2/segment", VIEWER, lytics_routes.list_segments, Ok[list[dict[str, Any]]], has_nulls=True),
    ApiRoute("GET", "/v2/segment/{id_or_slug}", VIEWER, lytics_routes.show_segment, Ok[dict[str, Any]], has_nulls=True),
    ApiRoute("GET", "/v2/schema/{table}/field", VIEWER, lytics_routes.list_fields,
             Ok[list[dict[str, Any]]], has_nulls=True),
    ApiRoute("GET", "/v2/unreadable", ADMIN, record_routes.list_unreadable,
             Ok[list[record_routes.UnreadableBody]], has_nulls=True),
    ApiRoute("GET", "/v2/unreadable/{entry_id}", ADMIN, record_routes.show_unreadable,
             Ok[record_routes.UnreadableBody], has_nulls=True),
    ApiRoute("GET", "/v2/audit", ADMIN, record_routes.list_audit, Ok[list[record_routes.AuditBody]]),
    ApiRoute("GET", "/v2/person", ADMIN, person_routes.list_people, Ok[list[PersonBody]]),
    ApiRoute("POST", "/v2/person", ADMIN, person_routes.create_person, Ok[PersonBody], PERSON, 201),
    ApiRoute("POST", "/v2/person/{name:path}/reset", ADMIN, person_routes.reset_person, Ok[PersonBody]),
    ApiRoute("PUT", "/v2/person/{name:path}", ADMIN, person_routes.change_role, Ok[PersonBody], ROLE),
    ApiRoute("DELETE", "/v2/person/{name:path}", ADMIN, person_routes.remove_person, Ok[dict[str, str]]),
    ApiRoute("POST", "/v2/token", ADMIN, token_routes.create_token, Ok[TokenBody], TOKEN, 201),
    ApiRoute("GET", "/v2/token", ADMIN, token_routes.list_tokens, Ok[list[TokenBody]]),
    ApiRoute("GET", "/v2/alert", VIEWER, alert_routes.list_alerts, Ok[AlertsBody], has_nulls=True),
    ApiRoute("GET", "/v2/alert-channel", ADMIN, alert_routes.list_channels, Ok[list[ChannelBody]], has_nulls=True),
    ApiRoute("POST", "/v2/alert-channel", ADMIN, alert_routes.create_channel,
             Ok[ChannelBody], CHANNEL, 201, has_nulls=True),
    ApiRoute("GET", "/v2/alert-channel/{channel_id}", ADMIN, alert_routes.show_channel,
             Ok[ChannelBody], has_nulls=True),
    ApiRoute("PUT", "/v2/alert-channel/{channel_id}", ADMIN, alert_routes.change_channel,
             Ok[ChannelBody], CHANNEL_CHANGE, has_nulls=True),
    ApiRoute("DELETE", "/v2/alert-channel/{channel_id}", ADMIN, alert_routes.delete_channel, Ok[dict[str, str]]),
    ApiRoute("POST", "/v2/alert-channel/{channel_id}/test", ADMIN, alert_routes.check_channel,
             Ok[ChannelTestBody], has_nulls=True),
    ApiRoute("DELETE", "/v2/token/{name:path}", ADMIN, token_routes.revoke_token, Ok[dict[str, str]]),
)  # fmt: skip
