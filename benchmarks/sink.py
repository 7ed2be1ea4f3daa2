"""A Mapp that takes everything: answers 200 to any request, after a while if it is told to."""

import asyncio
import sys


class Sink(asyncio.Protocol):
    """Just enough HTTP to be spoken to by a client that keeps its connections."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    def __init__(self, latency_seconds: float) -> None:
        self._latency_seconds = latency_seconds
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].lower()
            start = head.find(b"content-length:")
            length = 0 if start < 0 else int(head[start + 15 :].split(b"\r\n", 1)[0])
            if len(self._waiting) < end + 4 + length:
                return
            self._waiting = self._waiting[end + 4 + length :]
            self._answer()

    def _answer(self) -> None:
        if self._latency_seconds:
            asyncio.get_running_loop().call_later(self._latency_seconds, self._transport.write, self.ANSWER)
        else:
            self._transport.write(self.ANSWER)


async def main(latency_seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(latency_seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(float(sys.argv[1])))
