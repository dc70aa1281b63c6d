"""A web server on the loopback address that misbehaves as it is told, for tests of downloads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What it offers, and how it misbehaves."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)  # each request closes the connection after that many bytes
    ranges: bool = True  # whether it can resume
    answer: Callable[[BaseHTTPRequestHandler, int], None] | None = None  # in place of all that; gets the first byte
    requests: list[str | None] = field(default_factory=list)  # the Range header of each request so far

    @contextmanager
    def serving(self) -> Iterator["Server"]:
        """Serve in a thread meanwhile."""
        state = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                state.get(self)

            def log_message(self, *_):
                pass

        httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{httpd.server_port}"
        yield self
        httpd.shutdown()
        httpd.server_close()

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        wanted = handler.headers.get("Range")
        self.requests.append(wanted)
        content = self.files.get(handler.path.lstrip("/"))
        if content is None:
            return handler.send_error(404)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if self.answer is not None:
            return self.answer(handler, start)
        if start and start >= len(content):
            return handler.send_error(416)
        end = start + self.cuts.pop(0) if self.cuts else len(content)
        send(handler, 206 if start else 200, {"Content-Length": str(len(content) - start)}, content[start:end])


def send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    """Send an answer, and end the connection."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True
