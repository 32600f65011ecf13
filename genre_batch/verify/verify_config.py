"""Settings of `genre-batch verify` and `genre-batch gc`."""

from pydantic import BaseModel, ConfigDict, Field

from genre_batch.sink.run_facts import RunId
from genre_batch.storage.open_store import RequestPayer, UriOrPath


class VerifyConfig(BaseModel):
    """Settings of `genre-batch verify`.

    run_id: the one run to check, null for all. etags: compare the tracks with their objects in the source, at one
    request per track. request_payer: "requester" if their bucket is a requester-pays one. repair: move damaged files
    away and redo what is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    run_id: RunId | None = None
    etags: bool = False
    request_payer: RequestPayer | None = None
    repair: bool = False


class GcConfig(BaseModel):
    """Settings of `genre-batch gc`.

    delete: remove what is listed. unfinished: an unfinished run to give up. min_age_h: what a run planned less than
    this many hours ago left behind is kept, and so are temporary and foreign files written since then: somebody may
    still be using them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    delete: bool = False
    unfinished: RunId | None = None
    min_age_h: float = Field(default=24.0, ge=0.0, le=1e6)
