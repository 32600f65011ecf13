"""The thing that flows: one row is one track from listing to table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Track:
    """One audio object of the catalog.

    `track_id` is the URI unless the catalog names another; `etag` is "" and `size_bytes` -1 for an object
    that was missing or unreadable when it was listed (it becomes a reject, not a gap).
    """

    track_id: str
    uri: str
    etag: str
    size_bytes: int
