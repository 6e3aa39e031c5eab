"""A server that stands between a client and S3: it notes requests, and fails those it is told to."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked for; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """A scripted answer, of S3's layout."""

    status: int
    code: str = ""
    after_seconds: float = 0
    content: bytes = b""

    @property
    def body(self) -> bytes:
        if self.content:
            return self.content
        text = f"<Error><Code>{self.code}</Code><Message>jane-doe.json</Message></Error>"
        return text.encode() if self.code else b""


# What to answer instead of S3; None lets a request through.
Script = Callable[[Request], Answer | None]


@dataclass
class Between:
    """The server: where it answers, what was asked, and what it is told to answer."""

    endpoint: str = ""
    requests: list[Request] = field(default_factory=list)
    script: Script = lambda _: None
    # How many keys a page of a listing has, as S3 has a thousand.
    page: int | None = None
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, *answers: Answer, method: str = "", then: Answer | None = None) -> None:
        """Give these answers to the next requests, and then the last one, or let them through."""
        left = list(answers)

        def script(request: Request) -> Answer | None:
            if method and request.method != method:
                return None
            return left.pop(0) if left else then

        self.script = script

    def asked(self, method: str) -> list[Request]:
        """The requests with this method."""
        return [request for request in self.requests if request.method == method]


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    """A server in front of the one at `upstream`."""
    state = Between()
    host = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without it answers in two pieces wait for each other.
        wbufsize = -1

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers)
            with state.lock:
                state.requests.append(request)
                state.at_once += 1
                state.most_at_once = max(state.most_at_once, state.at_once)
                answer = state.script(request)
            try:
                self.answer(request, body, answer)
            finally:
                with state.lock:
                    state.at_once -= 1

        def answer(self, request: Request, body: bytes, answer: Answer | None) -> None:
            if answer is None:
                server = http.client.HTTPConnection(host)
                path = request.path
                if state.page is not None and "list-type=2" in path:
                    path += f"&max-keys={state.page}"
                server.request(request.method, path, body, request.headers)
                found = server.getresponse()
                status, data = found.status, found.read()
                headers = {
                    name: value
                    for name, value in found.getheaders()
                    if name.lower() not in ("transfer-encoding", "connection", "content-length")
                }
                length = found.getheader("content-length") or str(len(data))
                server.close()
            else:
                time.sleep(answer.after_seconds)
                status, data, headers = answer.status, answer.body, {}
                length = str(len(data))
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": length}.items():
                self.send_header(name, value)
            self.end_headers()
            if request.method != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
