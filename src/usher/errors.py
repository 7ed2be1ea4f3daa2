"""
Failures, named by what the caller must do about them.

    UsherError
      InvalidInput        mend the named fields, then ask again          API 400, exit code 2
      Unauthenticated     present a valid token                          API 401
      Forbidden           ask somebody with a higher role                API 403
      NotFound            the thing is not there; check its name         API 404
      Conflict            something else stands in the way; clear it     API 409
      TooSoon             wait as long as it says, then try again        API 429
      Unavailable         our own fault or load; ask again later         API 503
      RemoteError         a vendor's system did not do what was asked
        RemoteUnreachable   nothing was sent, or it answered "later": ask again later
        RemoteUnknown       it was sent and the answer was lost: it may have been applied
        RemoteRefused       the credentials are not accepted: change the authorization
        RemoteMissing       the thing asked for is not there: check its name
        RemoteRejected      this request will never be accepted as it is

A message says what happened, to what, and the next step.
It never holds a secret or a member's identifier.
"""

from dataclasses import dataclass


class UsherError(Exception):
    """Something went wrong inside Usher; see the service's log."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)

    @property
    def message(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing wrong with what somebody typed.

    Args:
        field: a dotted path.
        code: names the kind of problem where somebody can do more about it than type again; else blank.
    """

    field: str
    problem: str
    mend: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.problem} {self.mend}".strip()


class InvalidInput(UsherError):
    """The request has problems; mend the named fields."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems) or None)
        self.problems = problems


class Unauthenticated(UsherError):
    """No valid token was given; send one in the Authorization header."""


class Forbidden(UsherError):
    """This token's role does not allow that; ask for a token with a higher role."""


class NotFound(UsherError):
    """There is nothing by that name; list what exists and check the spelling."""


class Conflict(UsherError):
    """Something else stands in the way."""


class Superseded(Conflict):
    """Another worker does this now; stop doing it, and undo nothing."""


class TooSoon(UsherError):
    """Too many attempts failed; wait, then try again."""

    def __init__(self, message: str | None = None, *, retry_after_seconds: int) -> None:
        wait = f"Too many attempts failed. Try again in {retry_after_seconds:,} s."
        super().__init__(message or wait)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(UsherError):
    """Usher cannot take this right now; ask again in a moment."""

    def __init__(self, message: str | None = None, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RemoteError(UsherError):
    """
    A vendor's system did not do what was asked.

    Args:
        system: "Mapp", "Lytics", or "proxy" for the operator's own on the way there.
        status: the HTTP status, or None where no answer came.
        retry_after_seconds: what the vendor asked for, already parsed and capped; None where it asked nothing.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        system: str = "",
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.system = system
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class RemoteUnreachable(RemoteError):
    """The vendor could not be reached, or asked to be left alone for a while; ask again later."""


class RemoteUnknown(RemoteError):
    """The request was sent and the answer was lost: it may have been applied."""


class RemoteRefused(RemoteError):
    """The vendor does not accept these credentials; change the authorization."""


class RemoteMissing(RemoteError):
    """The vendor has nothing by that name; check it."""


class RemoteRejected(RemoteError):
    """The vendor will not accept this request as it is."""
