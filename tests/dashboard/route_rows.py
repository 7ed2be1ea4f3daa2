"""What every page's route answers to whoever may use it: one row for each, for what exists and for what does not."""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """
    What one route answers to whoever may use it.

    Args:
        there: the status where everything that the address names exists.
        gone: the status where it does not; None where the address names nothing.
        fields: what is sent: a form's fields, or for a page the address's parameters.
    """

    there: int
    gone: int | None = None
    fields: Mapping[str, str] = {}


ROWS = {
    "GET /": Row(303),
    "GET /sign-in": Row(303),
    "POST /sign-in": Row(400),
    "GET /welcome/{token}": Row(200, 404),
    "POST /welcome/{token}": Row(303, 404, fields={"password": "a long enough password"}),
    "POST /sign-out": Row(303),
    "POST /theme": Row(303, fields={"theme": "dark"}),
    "GET /jobs": Row(200),
    "GET /live/jobs": Row(200),
    "GET /jobs/new": Row(200),
    "GET /jobs/new/accounts": Row(200),
    "POST /jobs/new/accounts": Row(400),
    "POST /jobs/new/accounts/check": Row(200),
    "GET /jobs/new/export": Row(303),
    "POST /jobs/new/check": Row(200),
    "GET /jobs/new/review": Row(303),
    "GET /jobs/new/start": Row(303),
    "GET /jobs/new/save": Row(303),
    "GET /settings": Row(303),
    "POST /jobs/new/send-one": Row(303),
    "POST /jobs/new/save": Row(303),
    "POST /jobs/new/start": Row(303),
    "GET /jobs/{job_id}": Row(200, 404),
    "GET /live/jobs/{job_id}": Row(200, 404),
    "GET /jobs/{job_id}/log": Row(200, 404),
    "GET /jobs/{job_id}/log.txt": Row(200, 404),
    "GET /jobs/{job_id}/people": Row(200, 404),
    "GET /jobs/{job_id}/people.csv": Row(200, 404),
    "GET /jobs/{job_id}/ask/{action}": Row(200, 404),
    "GET /jobs/{job_id}/clone": Row(303, 404),
    "GET /jobs/{job_id}/edit": Row(200, 404),
    "POST /jobs/{job_id}/edit": Row(400, 404),
    "POST /jobs/{job_id}/pause": Row(303, 404),
    "POST /jobs/{job_id}/resume": Row(303, 404),
    "POST /jobs/{job_id}/bounce": Row(303, 404),
    "POST /jobs/{job_id}/reconcile": Row(303, 404),
    "POST /jobs/{job_id}/resend": Row(303, 404),
    "POST /jobs/{job_id}/kill": Row(303, 404),
    "POST /jobs/{job_id}/delete": Row(303, 404),
    "POST /jobs/{job_id}/retry": Row(303, 404),
    "GET /members": Row(200),
    "GET /members/erase": Row(200, fields={"m": "jo@example.com"}),
    "POST /members/erase": Row(200, fields={"m": "joe@example.com", "typed": "joe@example.com"}),
    "POST /members/lift-erasure": Row(404, fields={"m": "nobody@example.com"}),
    "GET /jobs/{job_id}/member": Row(200, 404, fields={"m": "jo@example.com"}),
    "GET /jobs/{job_id}/member.json": Row(200, 404, fields={"m": "jo@example.com"}),
    "POST /jobs/{job_id}/member/resend": Row(303, 404, fields={"m": "jo@example.com"}),
    "GET /live/jobs/{job_id}/member": Row(200, 404, fields={"m": "jo@example.com"}),
    "GET /jobs/{job_id}/removals": Row(200, 404),
    "POST /jobs/{job_id}/removals/confirm": Row(409, 404),
    "POST /jobs/{job_id}/removals/discard": Row(409, 404),
    "GET /live/jobs/{job_id}/removals": Row(200, 404),
    "GET /authorizations": Row(200),
    "GET /authorizations/new": Row(200),
    "POST /authorizations/new": Row(400),
    "GET /authorizations/{auth_id}": Row(200, 404),
    "POST /authorizations/{auth_id}": Row(200, 404, fields={"do": "test"}),
    "GET /authorizations/{auth_id}/edit": Row(200, 404),
    "POST /authorizations/{auth_id}/edit": Row(400, 404),
    "GET /authorizations/{auth_id}/delete": Row(200, 404),
    "POST /authorizations/{auth_id}/delete": Row(303, 404),
    "POST /authorizations/{auth_id}/tokens": Row(303, 404),
    "GET /authorizations/{auth_id}/tokens/end": Row(200, 404),
    "POST /authorizations/{auth_id}/tokens/end": Row(303, 404),
    "GET /account": Row(200),
    "POST /account": Row(400),
    "POST /account/end": Row(303),
    "POST /account/end-others": Row(303),
    "GET /settings/people": Row(200),
    "GET /settings/people/invite": Row(200),
    "POST /settings/people/invite": Row(200, fields={"name": "new@example.org", "role": "viewer"}),
    "GET /settings/people/{person_id}": Row(200, 404),
    "POST /settings/people/{person_id}": Row(303, 404, fields={"role": "operator"}),
    "POST /settings/people/{person_id}/end-sessions": Row(303, 404),
    "GET /settings/people/{person_id}/link": Row(200, 404),
    "POST /settings/people/{person_id}/link": Row(200, 404),
    "GET /settings/people/{person_id}/remove": Row(200, 404),
    "POST /settings/people/{person_id}/remove": Row(303, 404),
    "GET /settings/tokens": Row(200),
    "GET /settings/tokens/new": Row(200),
    "POST /settings/tokens/new": Row(200, fields={"name": "report", "role": "viewer"}),
    "GET /settings/tokens/{token_id}/revoke": Row(200, 404),
    "POST /settings/tokens/{token_id}/revoke": Row(303, 404),
    "GET /settings/alerts": Row(200),
    "GET /settings/alerts/new/{type}": Row(200, 404),
    "POST /settings/alerts/new/{type}": Row(400, 404),
    "GET /settings/alerts/{channel_id}": Row(200, 404),
    "POST /settings/alerts/{channel_id}": Row(400, 404),
    "POST /settings/alerts/{channel_id}/test": Row(200, 404),
    "GET /settings/alerts/{channel_id}/delete": Row(200, 404),
    "POST /settings/alerts/{channel_id}/delete": Row(303, 404),
    "GET /settings/audit": Row(200),
    "GET /settings/about": Row(200),
    "GET /settings/about/unreadable": Row(200),
    "GET /settings/about/unreadable/{entry_id}": Row(200, 404),
}
