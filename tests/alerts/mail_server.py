"""A mail server on loopback, as kind or as hostile as a test wants it."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PASSWORD = "mail-password-5"
SIGN_IN = base64.b64encode(b"\0usher\0" + PASSWORD.encode()).decode()


@dataclass
class MailServer:
    """
    Takes mails.

    Args:
        starttls: what it offers after EHLO; None offers nothing.
        answers: what it says to a command instead of the usual, by the command's first word (or "greeting", "body").
        silent_at: a command that it never answers.
    """

    starttls: ssl.SSLContext | None = None
    wants_sign_in: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    silent_at: str = ""
    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._say(writer, "greeting", "220 ready")
            while (line := await reader.readline()) and await self._one(line.decode().strip(), reader, writer):
                pass
        writer.close()

    async def _one(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        word = line.split(" ", maxsplit=1)[0].upper()
        self.commands.append(line)
        if word == "STARTTLS" and self.starttls is not None and word not in self.answers:
            await self._say(writer, word, "220 go")
            await writer.start_tls(self.starttls)
            return True
        await self._say(writer, word, self._usual(word, line, writer))
        if word == "DATA" and word not in self.answers:
            self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            self.secured.append(writer.get_extra_info("ssl_object") is not None)
            await self._say(writer, "body", "250 kept")
        return word != "QUIT"

    def _usual(self, word: str, line: str, writer: asyncio.StreamWriter) -> str:
        is_secure = writer.get_extra_info("ssl_object") is not None
        offers = ["250-here"]
        offers += ["250-STARTTLS"] if self.starttls is not None and not is_secure else []
        offers += ["250-AUTH PLAIN"] if self.wants_sign_in else []
        match word:
            case "EHLO":
                return "\r\n".join([*offers, "250 8BITMIME"])
            case "AUTH":
                return "235 welcome" if line.endswith(SIGN_IN) else "535 no"
            case "DATA":
                return "354 go on"
            case "QUIT":
                return "221 bye"
            case _:
                return "250 yes"

    async def _say(self, writer: asyncio.StreamWriter, word: str, usual: str) -> None:
        if word == self.silent_at:
            await asyncio.Event().wait()
        writer.write((self.answers.get(word, usual) + "\r\n").encode())
        await writer.drain()


@asynccontextmanager
async def serving(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on loopback and yield the port; whatever still talks at the end is cut off."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await serve(reader, writer)  # type: ignore[misc]
        except (asyncio.CancelledError, OSError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
