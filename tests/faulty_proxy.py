"""A proxy that makes chosen S3 requests fail the way networks and overloaded servers do."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

from fault_rules import Fault, FaultRules, Rule

_ERROR = "<Error><Code>{code}</Code><Message>try again</Message></Error>"
_REFUSALS = {
    Fault.SLOW_DOWN: (503, "SlowDown"),
    Fault.CONFLICT: (409, "ConditionalRequestConflict"),
    Fault.DENIED: (403, "AccessDenied"),
    Fault.EXPIRED: (400, "ExpiredToken"),
    Fault.SKEWED: (403, "RequestTimeTooSkewed"),
    Fault.ARCHIVED: (403, "InvalidObjectState"),
    Fault.REQUESTER_PAYS: (403, "AccessDenied"),
}
_TRICKLES_EVERY_S = 0.05
_SHORT = (Fault.SHORT_BODY, Fault.SHORT_LENGTH, Fault.STALLED_BODY)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that the proxy received. key: `/bucket/key`, unescaped and without the query. if_match: the etag that
    it demands, or nothing.
    """

    method: str
    key: str
    fault: Fault
    if_match: str


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class FaultyProxy:
    """Forwards requests from `endpoint` to `upstream`.

    faults: consumed one per request with `method`; the rules given to `follow` apply to all other requests. before:
    actions by `/bucket/key`, each run once, before the next GET of that key is forwarded. requests: how many used
    `method`. seen: every request.
    """

    def __init__(self, upstream: str) -> None:
        self.faults: list[Fault] = []
        self.method = "GET"
        self.requests = 0
        self.before: dict[str, Callable[[], object]] = {}
        self.seen: list[Seen] = []
        self._rules = FaultRules([])
        self._counting = Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _pass_on(self) -> None:
                # the client may give up at any time
                with suppress(ConnectionError):
                    proxy._handle(self)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._upstream = urlsplit(upstream).netloc
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["FaultyProxy"]:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()

    def follow(self, *rules: Rule, seed: int = 0) -> None:
        """Replace the rules, and clear `seen`."""
        with self._counting:
            self._rules = FaultRules(list(rules), seed)
            self.seen = []

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        fault = self._next_fault(handler)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if fault is Fault.REQUESTER_PAYS and handler.headers.get("x-amz-request-payer") == "requester":
            fault = Fault.NONE
        if fault in _REFUSALS:
            self._refuse(handler, fault)
            return
        status, headers, answer = self._ask(handler, body, fault)
        if fault is Fault.LOST_ANSWER:
            handler.close_connection = True
        elif fault is Fault.NO_ANSWER:
            self._fall_silent(handler)
        else:
            self._answer(handler, status, headers, answer, fault)

    def _next_fault(self, handler: BaseHTTPRequestHandler) -> Fault:
        key = unquote(urlsplit(handler.path).path)
        with self._counting:
            action = self.before.pop(key, None) if handler.command == "GET" else None
            fault = self._rules.next(handler.command, key)
            if handler.command == self.method:
                self.requests += 1
                fault = self.faults.pop(0) if self.faults else fault
            self.seen.append(Seen(handler.command, key, fault, handler.headers.get("If-Match", "")))
        if action:
            action()
        return fault

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        dropped = {Fault.NO_RANGES: {"range"}, Fault.NO_CONDITIONS: {"if-match"}}.get(fault, set()) | {"expect"}
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        with closing(HTTPConnection(self._upstream)) as connection:
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def _answer(
        self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], answer: bytes, fault: Fault
    ) -> None:
        handler.send_response_only(status)
        kept = answer[: len(answer) // 2] if fault in _SHORT else answer
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                handler.send_header(name, value)
        length = headers.get("Content-Length", str(len(answer)))
        handler.send_header("Content-Length", str(len(kept)) if fault is Fault.SHORT_LENGTH else length)
        handler.end_headers()
        if fault is Fault.TRICKLING_BODY:
            self._trickle(handler, kept)
            return
        handler.wfile.write(kept)
        handler.close_connection = len(kept) < len(answer)
        if fault is Fault.STALLED_BODY:
            self._fall_silent(handler)

    @staticmethod
    def _trickle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Send a byte every now and then until the client closes the connection."""
        handler.connection.settimeout(_TRICKLES_EVERY_S)
        for place in range(len(body)):
            handler.wfile.write(body[place : place + 1])
            with suppress(TimeoutError):
                if not handler.connection.recv(1):
                    break
        handler.close_connection = True

    @staticmethod
    def _fall_silent(handler: BaseHTTPRequestHandler) -> None:
        """Send nothing more until the client closes the connection."""
        handler.connection.recv(1)
        handler.close_connection = True

    @staticmethod
    def _refuse(handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        status, code = _REFUSALS[fault]
        answer = _ERROR.format(code=code).encode()
        handler.send_response_only(status)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer)
