"""A proxy in front of an S3 server that breaks chosen requests, as networks and busy servers do."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_ERROR = "<Error><Code>{code}</Code><Message>try again</Message></Error>"


class Fault(Enum):
    """What happens to one request."""

    NONE = auto()
    SLOW_DOWN = auto()
    CONFLICT = auto()
    SHORT_BODY = auto()
    SHORT_LENGTH = auto()
    LOST_ANSWER = auto()
    NO_RANGES = auto()
    NO_CONDITIONS = auto()


class FaultyProxy:
    """`endpoint` passes requests on to `upstream`; `faults` are used up one a request, `method` alone is counted."""

    def __init__(self, upstream: str) -> None:
        self.faults: list[Fault] = []
        self.method = "GET"
        self.requests = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                proxy._handle(self)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._upstream = urlsplit(upstream).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["FaultyProxy"]:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        fault = Fault.NONE
        if handler.command == self.method:
            self.requests += 1
            fault = self.faults.pop(0) if self.faults else Fault.NONE
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if fault in (Fault.SLOW_DOWN, Fault.CONFLICT):
            self._refuse(handler, fault)
            return
        status, headers, answer = self._ask(handler, body, fault)
        if fault is Fault.LOST_ANSWER:
            handler.close_connection = True
            return
        self._answer(handler, status, headers, answer, fault)

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        dropped = {Fault.NO_RANGES: {"range"}, Fault.NO_CONDITIONS: {"if-match"}}.get(fault, set()) | {"expect"}
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        connection = HTTPConnection(self._upstream)
        connection.request(handler.command, handler.path, body, headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def _answer(
        self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], answer: bytes, fault: Fault
    ) -> None:
        handler.send_response_only(status)
        kept = answer[: len(answer) // 2] if fault in (Fault.SHORT_BODY, Fault.SHORT_LENGTH) else answer
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                handler.send_header(name, value)
        length = headers.get("Content-Length", str(len(answer)))
        handler.send_header("Content-Length", str(len(kept)) if fault is Fault.SHORT_LENGTH else length)
        handler.end_headers()
        handler.wfile.write(kept)
        handler.close_connection = len(kept) < len(answer)

    @staticmethod
    def _refuse(handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        status, code = (503, "SlowDown") if fault is Fault.SLOW_DOWN else (409, "ConditionalRequestConflict")
        answer = _ERROR.format(code=code).encode()
        handler.send_response_only(status)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)
