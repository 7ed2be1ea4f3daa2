"""Another site, which the person who is signed in has open too, and a proxy that ends https before the service."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length"))


class _Blank(BaseHTTPRequestHandler):
    """A page with nothing on it but what a test runs there."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><p>You have won.")

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def another_site() -> Iterator[int]:
    """Serve blank pages on loopback; yield the port."""
    with _served(_Blank) as server:
        yield server.server_address[1]


@contextlib.contextmanager
def https_before(url: str, context: ssl.SSLContext) -> Iterator[int]:
    """End https on loopback for the service at *url*, saying so as a proxy does; yield the port."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = dict(self.headers.items()) | {"X-Forwarded-Proto": "https"}
            with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as onward:
                onward.request(self.command, self.path, body, headers)
                answer = onward.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with _served(Proxy, context) as server:
        yield server.server_address[1]


@contextlib.contextmanager
def _served(
    handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None
) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
