import hashlib

import pytest
from pydantic import ValidationError
from sink.shard_rows import make_plan, make_tracks, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.sink.record import CommitRecord, Counts, DataFile, total
from genre_batch.sink.tables import make_scores, rejects_table

TRACKS = make_tracks(6)


def test_counts_are_of_the_rows() -> None:
    scores = make_scores([score(TRACKS[0], "rock"), score(TRACKS[1], None), score(TRACKS[2], "rock")], make_plan())
    rejects = rejects_table([reject(TRACKS[3], RejectReason.GONE), reject(TRACKS[4])], make_plan())
    counts = Counts.of(scores, rejects)
    assert counts == Counts(
        scored=3, abstained=1, rejected_by_reason={RejectReason.CORRUPT: 1, RejectReason.GONE: 1}, genres={"rock": 2}
    )
    assert counts.rejected == 2


def test_counts_of_nothing() -> None:
    assert Counts.of(make_scores([], make_plan()), None) == Counts()


def test_a_total_adds_up_and_sorts() -> None:
    silent, gone = RejectReason.SILENT, RejectReason.GONE
    parts = [
        Counts(scored=2, abstained=1, rejected_by_reason={silent: 1}, genres={"rock": 1}),
        Counts(scored=3, rejected_by_reason={gone: 2, silent: 1}, genres={"jazz": 1, "rock": 2}),
    ]
    whole = total(iter(parts))
    assert (whole.scored, whole.abstained, whole.rejected) == (5, 1, 4)
    assert list(whole.rejected_by_reason.items()) == [(gone, 2), (silent, 2)]
    assert list(whole.genres.items()) == [("jazz", 1), ("rock", 3)]


def test_a_file_is_named_with_its_hash() -> None:
    assert DataFile.of("scores/x.parquet", b"abc", 7) == DataFile(
        path="scores/x.parquet", rows=7, size_bytes=3, sha256=hashlib.sha256(b"abc").hexdigest()
    )


def test_a_record_survives_json() -> None:
    counts = Counts(scored=1, rejected_by_reason={RejectReason.EMPTY: 1}, genres={"Été": 1})
    record = CommitRecord(shard=3, files=(DataFile.of("scores/x.parquet", b"", 1),), counts=counts)
    assert CommitRecord.model_validate_json(record.model_dump_json()) == record


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        CommitRecord.model_validate_json('{"shard": 1, "files": [], "counts": {}, "extra": 1}')


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../scores/a.parquet", "scores/../../a.parquet", "scores/./a.parquet", "_runs/a.parquet"],
)
def test_a_forged_marker_leads_nowhere_else(path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        DataFile.of(path, b"", 0)
