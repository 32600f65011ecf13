"""The sums over the files of a run are those over all its rows."""

from pathlib import Path

import numpy as np
import pytest
from reports.finished_run import finished_run
from table_checks import rows

from genre_batch.errors import DamageFound
from genre_batch.reports import run_tally
from genre_batch.reports.run_tally import HISTOGRAM_BINS, tally_files
from genre_batch.storage.local import LocalStore


def test_the_sums_are_those_of_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tally, "_ROWS_AT_ONCE", 5)  # several batches a file
    manifest = finished_run(tmp_path / "out")
    tally = tally_files(LocalStore(), str(tmp_path / "out"), manifest.files)
    scores = rows(tmp_path / "out", "scores")
    answered = [row for row in scores if not row["abstained"]]
    assert tally.scored == len(scores) == manifest.counts.scored
    assert dict(tally.genres) == manifest.counts.genres
    assert dict(tally.reasons) == {"silent": 2, "corrupt": 2}
    assert tally.abstained_share == pytest.approx(manifest.counts.abstained / len(scores))
    of_jazz = [row["confidence"] for row in answered if row["genre"] == "jazz"]
    assert tally.mean_confidence("jazz") == pytest.approx(np.mean(of_jazz), abs=1e-6)
    expected = np.histogram([row["confidence"] for row in answered], HISTOGRAM_BINS, (0, 1))[0]
    assert tally.answered.tolist() == expected.tolist()


def test_only_the_counted_columns_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = finished_run(tmp_path / "out", tracks=16)
    asked: list[list[str]] = []
    read = run_tally.pq.ParquetFile.iter_batches

    def iter_batches(self: object, size: int, *, columns: list[str], use_threads: bool) -> object:
        asked.append(columns)
        return read(self, size, columns=columns, use_threads=use_threads)

    monkeypatch.setattr(run_tally.pq.ParquetFile, "iter_batches", iter_batches)
    tally_files(LocalStore(), str(tmp_path / "out"), manifest.files)
    assert sorted(asked) == [["genre", "confidence", "abstained"], ["reason"]]


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "out", tracks=16)
    path = tmp_path / "out" / manifest.files[0].path
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data[: len(data) - 20])
    with pytest.raises(DamageFound, match="cannot be read as Parquet"):
        tally_files(LocalStore(), str(tmp_path / "out"), manifest.files)
