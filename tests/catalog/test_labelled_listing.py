"""A labelled listing read again is the corpus it was made of, and pins the bytes."""

from pathlib import Path

import pytest

from genre_batch.catalog.corpora import read_corpus
from genre_batch.catalog.labelled_listing import labelled_file, labelled_parquet
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.s3 import S3Store


@pytest.mark.parametrize("on_s3", [False, True])
def test_what_is_written_is_read_again(tmp_path: Path, request: pytest.FixtureRequest, on_s3: bool) -> None:
    root = f"s3://{request.getfixturevalue('bucket')}/music" if on_s3 else str(tmp_path / "music")
    store = S3Store() if on_s3 else LocalStore()
    for path in ("rock/1.mp3", "rock/2 é.mp3", "jazz/3.mp3"):
        store.write(f"{root}/{path}", path.encode())
    text = "path,genre,artist_group,split\nrock/1.mp3,rock,7,training\nrock/2 é.mp3,rock,,test\njazz/3.mp3,jazz,9,\n"
    store.write(f"{root}/tracks.csv", text.encode())
    corpus = read_corpus(root)
    assert [(labelled.artist, labelled.part) for labelled in corpus] == [("9", ""), ("7", "train"), ("", "test")]
    for output in (f"{tmp_path}/listing", f"{tmp_path}/all.parquet"):
        open_store(output).write(labelled_file(output), labelled_parquet(corpus))
        assert read_corpus(output) == corpus


def test_etags_of_the_listing_are_kept_when_the_audio_changes(tmp_path: Path) -> None:
    for path in ("rock/1", "jazz/2"):
        LocalStore().write(f"{tmp_path}/music/{path}", path.encode())
    corpus = read_corpus(f"{tmp_path}/music")
    (tmp_path / "listing").mkdir()
    (tmp_path / "listing" / "labelled.parquet").write_bytes(labelled_parquet(corpus))
    (tmp_path / "music" / "rock" / "1").write_bytes(b"another track")
    assert read_corpus(f"{tmp_path}/listing") == corpus
    assert labelled_parquet(corpus) == labelled_parquet(read_corpus(f"{tmp_path}/listing"))
