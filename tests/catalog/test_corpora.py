"""Corpora in every layout, and labelled listings, which give the same corpus with the versions that were listed."""

from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch.catalog.corpora import LabelledTrack, labelled_file, labelled_parquet, read_corpus
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.s3 import S3Store


def put(root: str, *names: str) -> None:
    store = S3Store() if root.startswith("s3://") else LocalStore()
    for name in names:
        store.write(f"{root}/{name}", name.encode())


def facts(corpus: list[LabelledTrack]) -> list[tuple[str, str, str]]:
    return [(labelled.track.track_id, labelled.genre, labelled.group) for labelled in corpus]


@pytest.mark.parametrize("on_s3", [False, True])
def test_folders_are_genres(tmp_path: Path, request, on_s3: bool) -> None:
    root = f"s3://{request.getfixturevalue('bucket')}/corpus" if on_s3 else str(tmp_path)
    put(root, "rock/b.wav", "rock/x/a.wav", "jazz/é.flac", "README.md", "rock/.DS_Store", ".git/config")
    corpus = read_corpus(root)
    assert facts(corpus) == [
        ("jazz/é.flac", "jazz", "track:jazz/é.flac"),
        ("rock/b.wav", "rock", "track:rock/b.wav"),
        ("rock/x/a.wav", "rock", "track:rock/x/a.wav"),
    ]
    stored = (S3Store() if on_s3 else LocalStore()).head(f"{root}/rock/b.wav")
    assert corpus[1].track == Track("rock/b.wav", stored.uri, stored.etag, stored.size_bytes)


@pytest.mark.parametrize("on_s3", [False, True])
def test_a_tracks_file_overrides_the_folders(tmp_path: Path, request, on_s3: bool) -> None:
    root = f"s3://{request.getfixturevalue('bucket')}" if on_s3 else str(tmp_path)
    put(root, "rock/1", "rock/2", "rock/3", "jazz/4", "jazz/not-named")
    text = "path,track_id,genre,artist_group\nrock/2,two,rock,7\njazz/4,,jazz,7\nrock/1,one,metal,\n"
    (S3Store() if on_s3 else LocalStore()).write(f"{root}/tracks.csv", text.encode())
    assert facts(read_corpus(root)) == [
        ("jazz/4", "jazz", "artist:7"),
        ("one", "metal", "track:one"),
        ("two", "rock", "artist:7"),
    ]


@pytest.mark.parametrize("name", ["tracks.csv", "all.csv"])
@pytest.mark.parametrize("column", ["artist", "artist_group"])
def test_artists_are_read_under_either_name(tmp_path: Path, name: str, column: str) -> None:
    put(str(tmp_path), "rock/1", "rock/2", "jazz/3")
    place = "path" if name == "tracks.csv" else "uri"
    (tmp_path / name).write_text(f"{place},genre,{column}\nrock/1,rock,A\njazz/3,jazz,A\nrock/2,rock,\n")
    corpus = read_corpus(str(tmp_path if name == "tracks.csv" else tmp_path / name))
    assert [labelled.artist for labelled in corpus] == ["A", "A", ""]
    assert corpus[0].group == corpus[1].group != corpus[2].group


def test_a_group_of_artists_counts_before_the_artist(tmp_path: Path) -> None:
    put(str(tmp_path), "rock/1", "jazz/2")
    text = "path,genre,artist,artist_group\nrock/1,rock,The A,a\njazz/2,jazz,B, \n"
    (tmp_path / "tracks.csv").write_text(text)
    assert [labelled.artist for labelled in read_corpus(str(tmp_path))] == ["B", "a"]


def test_ids_are_the_same_on_every_machine(tmp_path: Path) -> None:
    for name in ("here", "there"):
        put(str(tmp_path / name), "rock/1", "jazz/2")
    assert facts(read_corpus(f"{tmp_path}/here")) == facts(read_corpus(f"file://{tmp_path}/there/"))


def test_a_csv_file_with_uris_is_a_corpus(tmp_path: Path, bucket: str, moto_s3: S3Server) -> None:
    put(str(tmp_path / "x"), "1")
    put(f"s3://{bucket}", "2")
    (tmp_path / "all.csv").write_text(f"uri,genre,artist\nx/1, rock ,Someone\ns3://{bucket}/2,jazz,\n")
    corpus = read_corpus(f"{tmp_path}/all.csv")
    assert facts(corpus) == [(f"s3://{bucket}/2", "jazz", f"track:s3://{bucket}/2"), ("x/1", "rock", "artist:Someone")]
    assert corpus[1].track.uri == f"{tmp_path}/x/1"
    assert corpus[1].track.size_bytes == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tracks.csv", "path,genre\nrock/1,rock\njazz/missing,jazz\n", "1 tracks .* are missing.*jazz/missing"),
        ("tracks.csv", "path,genre\nrock/1,rock\n../rock/1,jazz\n", "missing"),
        ("tracks.csv", "path,genre\nrock/1,rock\njazz/2,\n", "line 3: there is no genre"),
        ("tracks.csv", "path,genre\nrock/1,rock\nrock/1,jazz\n", "two tracks with the id"),
        ("tracks.csv", "path,genre\nrock/1,rock\njazz/2,rock\n", "only the genre 'rock'"),
        ("tracks.csv", "path,genre\n", "no tracks with a genre"),
        ("tracks.csv", "path\nrock/1\n", "no column `genre`"),
        ("all.csv", "uri,genre\nrock/1,rock\nrock/missing,jazz\n", "missing"),
        ("all.csv", "uri,genre\nrock/1,rock\nhttps://a.example/b,jazz\n", "no usable URI"),
    ],
)
def test_an_inconsistent_corpus_is_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    put(str(tmp_path), "rock/1", "jazz/2")
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=words) as caught:
        read_corpus(str(tmp_path if name == "tracks.csv" else tmp_path / name))
    assert caught.value.hint


def test_a_source_that_is_not_a_corpus_is_refused(tmp_path: Path, moto_s3: S3Server) -> None:
    put(str(tmp_path), "one/rock/1", "flat.mp3")
    for source, words in {
        f"{tmp_path}": "only the genre 'one'",
        f"{tmp_path}/one/rock": "no tracks with a genre",
        f"{tmp_path}/missing": "does not exist",
        f"{tmp_path}/flat.mp3": "is a file",
        "s3://no-such-bucket-here/": "bucket",
    }.items():
        with pytest.raises(UsageError, match=words):
            read_corpus(source)


def test_the_layout_of_fma_is_a_corpus(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(str(tmp_path), "fma_small/000/000002.mp3", "fma_small/000/000005.mp3", "fma_small/001/001010.mp3")
    put(str(tmp_path), "fma_small/000/000020.mp3", "fma_small/checksums")
    header = ",artist,set,set,track\n,id,split,subset,genre_top\ntrack_id,,,,\n"
    rows = "2,1,training,small,Hip-Hop\n5,1,validation,small,Rock\n20,6,test,small,\n1010,7,test,small,Rock\n"
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_metadata" / "tracks.csv").write_text(header + rows + "3,1,training,small,Hip-Hop\n")
    corpus = read_corpus(str(tmp_path))
    assert facts(corpus) == [
        ("000002", "Hip-Hop", "artist:1"),
        ("000005", "Rock", "artist:1"),
        ("001010", "Rock", "artist:7"),
    ]
    assert [labelled.part for labelled in corpus] == ["train", "valid", "test"]
    assert corpus[2].track.uri == f"{tmp_path}/fma_small/001/001010.mp3"
    assert "left out 1 track without a top genre" in caplog.text


@pytest.mark.parametrize("column", ["split", "fault_filtered_split"])
def test_a_corpus_may_define_its_split(tmp_path: Path, column: str) -> None:
    put(str(tmp_path), "rock/1", "rock/2", "jazz/3", "jazz/4")
    text = f"path,genre,{column}\nrock/1,rock,train\nrock/2,rock,Validation\njazz/3,jazz,test\njazz/4,jazz,excluded\n"
    (tmp_path / "tracks.csv").write_text(text)
    assert [labelled.part for labelled in read_corpus(str(tmp_path))] == ["test", "", "train", "valid"]


@pytest.mark.parametrize("on_s3", [False, True])
def test_a_written_labelled_listing_is_read_back(tmp_path: Path, request: pytest.FixtureRequest, on_s3: bool) -> None:
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
