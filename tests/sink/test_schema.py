"""The schema versions are frozen: files of every one of them are on storage somewhere."""

import pyarrow as pa
import pytest

from genre_batch.sink.schema import (
    REJECT_COLUMNS,
    REJECTS,
    SCHEMA_VERSION,
    SCORE_COLUMNS,
    SCORES,
    descriptors_among,
    feature_columns,
    file_schema,
    schema_of,
)

TRACK = ["track_id: string", "uri: string", "etag: string", "size_bytes: int64"]
TIMES = ["event_timestamp: timestamp[us, tz=UTC]", "created_timestamp: timestamp[us, tz=UTC]"]
RUN = ["fingerprint: string", "run_id: string", *TIMES]
TOP_K = "list<element: struct<genre: string not null, probability: float not null> not null>"
FIRST = {
    "scores": [
        *TRACK,
        *["duration_s: double", "genre: string?", "confidence: float", f"top_k: {TOP_K}", "abstained: bool"],
        *["window_start_s: double", "segments: int32", "decoder: string", *RUN],
    ],
    "features": [
        *TRACK,
        *["duration_s: double", "decoder: string", "segment: int32", "segment_start_s: double", "tempo: float", *RUN],
    ],
    "rejects": [
        *TRACK,
        *["stage: string", "reason: string", "message: string", "attempts: int32", "run_id: string", *TIMES],
    ],
}
OF_THE_FILE = ["sample_rate: int32?", "channels: int16?"]
TAGS = "list<element: struct<tag: string not null, probability: float not null> not null>"
OF_THE_MODEL = ["embedding: list<element: float not null>?", "in_scope: float?", f"tags: {TAGS}?"]
ADDED = {2: {"scores": OF_THE_FILE, "features": OF_THE_FILE}, 3: {"scores": OF_THE_MODEL}}
"""By version: the columns that it added to each table, after the others."""


def described(schema: pa.Schema) -> list[str]:
    return [f"{field.name}: {field.type}{'?' if field.nullable else ''}" for field in schema]


@pytest.mark.parametrize("table", FIRST)
@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_no_version_ever_changes(table: str, version: int) -> None:
    columns = [*FIRST[table], *(column for added in range(2, version + 1) for column in ADDED[added].get(table, []))]
    assert described(file_schema(table, version, ["tempo"])) == columns


def test_an_added_column_is_nullable() -> None:
    for columns in (SCORE_COLUMNS, REJECT_COLUMNS, feature_columns([])):
        assert [column.name for column in columns if column.since > 1 and not column.nullable] == []


def test_readers_get_the_newest_version() -> None:
    assert schema_of(SCORE_COLUMNS, SCHEMA_VERSION) == SCORES
    assert schema_of(REJECT_COLUMNS, SCHEMA_VERSION) == REJECTS


def test_what_no_version_defines_is_a_descriptor() -> None:
    names = schema_of(feature_columns(["tempo", "mfcc_1"])).names
    assert descriptors_among(names) == ["tempo", "mfcc_1"]
    assert descriptors_among([*names, *REJECTS.names]) == ["tempo", "mfcc_1"]
