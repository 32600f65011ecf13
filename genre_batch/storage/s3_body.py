"""The bytes of an answer, from a server that keeps sending: one that only trickles is a silent one."""

import time
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as SocketTimeoutError

from genre_batch.storage import s3_client

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from urllib3 import HTTPResponse

_PIECE_BYTES = 1 << 20
_LEAST_BYTES_PER_S = 4096
"""Far below what any link gives that a catalog can be scored over, even when many reads share it."""
_NOWHERE = ""
"""Our own errors do not repeat an address."""


def read_body(body: "StreamingBody") -> bytes:
    """All bytes of a body, which is closed then.

    Raises ReadTimeoutError where the server says nothing for `READ_TIMEOUT_S`, or in that time sends less than 4 KiB/s,
    and ResponseStreamingError where the body breaks off.
    """
    pieces, pace = [], _Pace()
    try:
        with body as wrapped:
            # botocore's `read` waits for all that is asked for; `read1` of what it wraps gives what has come
            stream = cast("HTTPResponse", wrapped)
            while piece := stream.read1(_PIECE_BYTES):
                pieces.append(piece)
                pace.note(len(piece))
    except SocketTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=_NOWHERE, error=error) from error
    except ProtocolError as error:
        raise ResponseStreamingError(error=error) from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Pace:
    """How fast a server sends, looked at each time that `READ_TIMEOUT_S` have gone by."""

    def __init__(self) -> None:
        self._since_s, self._bytes = time.monotonic(), 0

    def note(self, size_bytes: int) -> None:
        """Count bytes that have come. Raises ReadTimeoutError where they come too slowly."""
        self._bytes += size_bytes
        took_s = time.monotonic() - self._since_s
        if took_s < s3_client.READ_TIMEOUT_S:
            return
        if self._bytes < took_s * _LEAST_BYTES_PER_S:
            raise ReadTimeoutError(endpoint_url=_NOWHERE, error=f"{self._bytes} bytes in {took_s:.0f} s")
        self._since_s, self._bytes = time.monotonic(), 0
