"""The failures, from usher.errors, with the answers that usher.web gives them."""

from tools.markdown import code, page, paragraph, table
from usher.errors import InvalidInput, UsherError
from usher.web.failures import BAD, CODES, MISSING, STATUS


def errors_page() -> str:
    return page(
        "Errors",
        "Errors are named by what to do about them.\n"
        "Every answer of the API that is not a success has one entry for each problem, "
        "with a code of Lytics' and a sentence that ends with the next step.",
        table(
            ("Error", "HTTP status", "Code", "Exit code", "What it says"),
            [
                (code(kind.__name__), str(_status(kind)), _codes(kind), _exit(kind), paragraph(kind.__doc__))
                for kind in _kinds(UsherError)
            ],
        ),
        "A `RemoteUnknown` about a delivery is not an error of the API: "
        "nobody sends for that person until the claim has run out ([delivery](../explain/delivery.md)).\n"
        "A body of more than the service takes is answered 413; an unknown address or method 404 or 405.\n"
        "`429` and `503` carry `Retry-After`.",
    )


def _kinds(kind: type[UsherError]) -> list[type[UsherError]]:
    """Walk the tree of usher.errors alone, parents first."""
    below = [one for one in kind.__subclasses__() if one.__module__ == "usher.errors"]
    return [kind, *(deeper for one in below for deeper in _kinds(one))]


def _status(kind: type[UsherError]) -> int:
    return next(STATUS[parent] for parent in kind.__mro__ if parent in STATUS)


def _codes(kind: type[UsherError]) -> str:
    own = next((CODES[parent] for parent in kind.__mro__ if parent in CODES), "")
    if own:
        return code(own)
    if kind.__name__ == "NotFound":
        return ", ".join(code(one) for one in [*MISSING.values(), "NOTFOUND-003"])
    return ", ".join(code(one) for one in [*BAD.values(), "BADREQ-001"])


def _exit(kind: type[UsherError]) -> str:
    return "2" if issubclass(kind, InvalidInput) else "1"
