"""What cannot be taken back about credentials: deleting them, and ending trigger tokens. Both ask first."""

from starlette.responses import Response

from usher.access.roles import Role
from usher.jobs.accounts import account_view
from usher.jobs.authorizations import delete_authorization
from usher.jobs.endpoint import drop_old_trigger_tokens, new_trigger_token, trigger_token_lives
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit

LIST = "/authorizations"
ONE = LIST + "/{auth_id}"


async def ask_delete(visit: Visit) -> Response:
    view = await account_view(visit.desk, visit.path("auth_id"))
    return await visit.page("authorization-delete.html", view=view, users=[job for job in view.jobs if job.is_live])


async def delete(visit: Visit) -> Response:
    view = await account_view(visit.desk, visit.path("auth_id"))
    await delete_authorization(visit.desk, visit.actor, view.auth.id)
    return visit.go(LIST, said=f"Deleted the authorization “{view.auth.label}”.")


async def make_token(visit: Visit) -> Response:
    """Make a new trigger token; the one before goes on for some days."""
    auth_id = visit.path("auth_id")
    made = await new_trigger_token(visit.desk, visit.actor, auth_id)
    said = "A new token is in force. Show it to paste it where the webhook was made by hand."
    return visit.go(
        f"{LIST}/{auth_id}#triggers", said=" ".join([said, *made.notes]), mood="warn" if made.notes else "ok"
    )


async def ask_end_tokens(visit: Visit) -> Response:
    view = await account_view(visit.desk, visit.path("auth_id"))
    lives = await trigger_token_lives(visit.desk, view.auth.id)
    by_hand = [job for job in view.jobs if job.is_live and (job.webhook.state == "manual" or job.webhook.note)]
    return await visit.page("authorization-tokens.html", view=view, older=lives[1:], by_hand=by_hand)


async def end_tokens(visit: Visit) -> Response:
    auth_id = visit.path("auth_id")
    ended = await drop_old_trigger_tokens(visit.desk, visit.actor, auth_id)
    said = "There was no older token." if not ended else f"Ended {ended} older {'token' if ended == 1 else 'tokens'}."
    return visit.go(f"{LIST}/{auth_id}#triggers", said=f"{said} Only the newest is taken now.")


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", ONE + "/delete", Role.ADMIN, ask_delete),
    PageRoute("POST", ONE + "/delete", Role.ADMIN, delete),
    PageRoute("POST", ONE + "/tokens", Role.ADMIN, make_token),
    PageRoute("GET", ONE + "/tokens/end", Role.ADMIN, ask_end_tokens),
    PageRoute("POST", ONE + "/tokens/end", Role.ADMIN, end_tokens),
)
