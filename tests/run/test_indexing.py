"""`index`: a listing of its own."""

from functools import partial
from pathlib import Path

import pytest
import ray
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server
from typer.testing import CliRunner

from genre_batch.catalog import source
from genre_batch.catalog.catalog_file import tracks_of
from genre_batch.catalog.corpora import read_corpus
from genre_batch.catalog.listing import Listing
from genre_batch.cli.app import app
from genre_batch.errors import UsageError, UserError
from genre_batch.run.indexing import IndexConfig, index_catalog
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


def test_what_lies_beside_music_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp3", "._a.mp3", "cover.jpg"):
        (tmp_path / "in" / name).write_bytes(b"four")
    report = index_catalog(IndexConfig(source=str(tmp_path / "in"), output=str(tmp_path / "out")))
    assert (report.tracks, report.left_out) == (1, {"._*": 1, "*.jpg": 1})
    assert report.summary().endswith("\n2 files left out by name: 1 *.jpg, 1 ._*")
    with pytest.raises(UsageError, match="3 files left out by name"):
        index_catalog(IndexConfig(source=str(tmp_path / "in"), output=str(tmp_path / "none"), include=("*.wav",)))


def test_bad_rows_of_a_file_are_listed_and_do_not_stop_it(moto_s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"four")
    (tmp_path / "loop").symlink_to("loop")
    bad = ["loop", "zero\0byte", "n" * 300, "s3://no bucket/a", "s3://music"]
    (tmp_path / "in.csv").write_text("\n".join(["uri", "good", *bad]))
    report = index_catalog(IndexConfig(source=str(tmp_path / "in.csv"), output=str(tmp_path / "out")))
    assert (report.tracks, report.size_bytes) == (1 + len(bad), 4)
    assert sorted(track.size_bytes for track in Listing(LocalStore(), report.output)) == [-1] * len(bad) + [4]


def test_credentials_without_access_stop_it_early(
    moto_s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.csv").write_text("\n".join(["uri", *(f"s3://{bucket}/{number}" for number in range(1000))]))
    config = IndexConfig(source=str(tmp_path / "in.csv"), output=str(tmp_path / "out"))
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.follow(Rule(Fault.DENIED, "HEAD"))
        with pytest.raises(UserError, match="stopped: no permission to read 20 consecutive tracks"):
            index_catalog(config)
        assert len(proxy.seen) < 300
        assert not (tmp_path / "out").exists()
        assert index_catalog(config.model_copy(update={"max_denied_in_a_row": None})).tracks == 1000


def test_a_labelled_corpus_is_listed_with_its_genres(tmp_path: Path) -> None:
    for genre in ("jazz", "rock"):
        (tmp_path / "in" / genre).mkdir(parents=True)
        (tmp_path / "in" / genre / "a").write_bytes(b"four")
    config = IndexConfig(source=str(tmp_path / "in"), output=str(tmp_path / "out"), labelled=True)
    report = index_catalog(config)
    assert (report.output, report.tracks, report.size_bytes) == (f"{tmp_path}/out/labelled.parquet", 2, 8)
    assert read_corpus(config.output) == read_corpus(config.source)
    with pytest.raises(UsageError, match="exists already"):
        index_catalog(config)
    command = ["index", config.source, f"{tmp_path}/again.parquet", "--labelled"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert read_corpus(f"{tmp_path}/again.parquet") == read_corpus(config.source)


@pytest.mark.slow
def test_the_objects_of_a_large_catalog_file_are_looked_up_on_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(source, "tracks_of", partial(tracks_of, few_rows=1))
    for name in "abc":
        (tmp_path / name).write_bytes(b"four")
    (tmp_path / "catalog.csv").write_text(f"uri\n{tmp_path}/a\n{tmp_path}/b\n{tmp_path}/c\n")
    report = index_catalog(IndexConfig(source=str(tmp_path / "catalog.csv"), output=str(tmp_path / "out")))
    assert (report.tracks, report.size_bytes) == (3, 12)
    assert "looking up the objects of a large catalog file" in capsys.readouterr().err
    assert not ray.is_initialized()
