"""Which addresses can lead anywhere: a name with NUL is nothing's, and not every database takes the question."""

from starlette.requests import Request

from usher.errors import NotFound

NUL = "\0"
IN_A_QUERY = b"%00"


def need_nameable(request: Request) -> None:
    """
    Let only an address pass that may name something.

    Raises:
        NotFound: its path or its query holds NUL.
    """
    if NUL in request.scope["path"] or IN_A_QUERY in request.scope["query_string"]:
        raise NotFound("There is nothing at this address: it holds a character (NUL) that no name has.")
