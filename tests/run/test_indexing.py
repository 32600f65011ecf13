"""`index`: a listing of its own."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from genre_batch.catalog.corpora import read_corpus
from genre_batch.catalog.listing import Listing
from genre_batch.cli import app
from genre_batch.config import IndexConfig
from genre_batch.errors import UsageError
from genre_batch.run.indexing import index_catalog
from genre_batch.storage.local import LocalStore


def test_a_folder_is_listed_once_and_for_all(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "ba":
        (tmp_path / "in" / name).write_bytes(b"four")
    config = IndexConfig(source=str(tmp_path / "in"), output=str(tmp_path / "out"))
    report = index_catalog(config)
    assert (report.tracks, report.size_bytes, report.files) == (2, 8, 1)
    assert "2 tracks" in report.summary()
    assert [track.uri[-1] for track in Listing(LocalStore(), config.output)] == ["a", "b"]
    with pytest.raises(UsageError, match="not empty"):
        index_catalog(config)


def test_a_labelled_corpus_is_listed_with_its_genres(tmp_path: Path) -> None:
    for genre in ("jazz", "rock"):
        (tmp_path / "in" / genre).mkdir(parents=True)
        (tmp_path / "in" / genre / "a").write_bytes(b"four")
    config = IndexConfig(source=str(tmp_path / "in"), output=str(tmp_path / "out"), labelled=True)
    report = index_catalog(config)
    assert (report.output, report.tracks, report.size_bytes) == (f"{tmp_path}/out/labelled.parquet", 2, 8)
    assert read_corpus(config.output) == read_corpus(config.source)
    with pytest.raises(UsageError, match="is there already"):
        index_catalog(config)
    command = ["index", config.source, f"{tmp_path}/again.parquet", "--labelled"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert read_corpus(f"{tmp_path}/again.parquet") == read_corpus(config.source)
