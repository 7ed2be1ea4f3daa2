"""What the server finds wrong with a request whose head it has passed on already."""

from usher.errors import InvalidInput, Problem


class GarbledBody(InvalidInput):
    """The body is not framed as HTTP says, so where it ends is unknown; send it again, framed well."""

    def __init__(self) -> None:
        mend = "Send each chunk as its size in hexadecimal, CRLF, the bytes and CRLF, and 0 as the last size."
        super().__init__(Problem("body", "is not chunked as HTTP says.", mend))
