"""The nearest tracks of an output by their embeddings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from outputs import make_run, write_rows, write_run
from sink.shard_rows import make_tracks, score

from genre_batch.cli.app import main
from genre_batch.errors import DamageFound, UsageError
from genre_batch.readers import similar as module
from genre_batch.readers.similar import SimilarConfig, SimilarTracks, similar
from genre_batch.sink.schema import ScoredTrack
from genre_batch.storage.local import LocalStore

TRACKS = make_tracks(40)
ANGLES = np.linspace(0.0, np.pi, len(TRACKS))


def embedded(track: int, values: list[float] | None) -> ScoredTrack:
    row = score(TRACKS[track])
    embedding = None if values is None else np.array(values, "<f2").tobytes()
    return replace(row, score=replace(row.score, embedding=embedding))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tracks around half a circle in two runs; a later run has changed the embedding of track 5, and 39 has none."""
    output = str(tmp_path_factory.mktemp("embedded"))
    rows = [embedded(n, None if n == 39 else [np.cos(angle), np.sin(angle)]) for n, angle in enumerate(ANGLES)]
    write_rows(LocalStore(), output, make_run(0, 20), rows[:20])
    write_rows(LocalStore(), output, make_run(1, 20), rows[20:])
    write_rows(LocalStore(), output, make_run(2, 1), [embedded(5, [-1.0, 0.0])])
    return output


def find(output: str, track: int, **settings: object) -> SimilarTracks:
    return similar(SimilarConfig.model_validate({"output": output, "track": TRACKS[track].track_id} | settings))


def test_the_nearest_come_first_whatever_the_blocks(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for block_rows in (module._BLOCK_ROWS, 1, 7):
        monkeypatch.setattr(module, "_BLOCK_ROWS", block_rows)
        found = find(output, 10, count=4)
        assert found.compared == 38
        assert {near.track_id for near in found.nearest[:2]} == {TRACKS[9].track_id, TRACKS[11].track_id}
        assert {near.track_id for near in found.nearest[2:]} == {TRACKS[8].track_id, TRACKS[12].track_id}
        assert found.nearest[0].similarity == pytest.approx(np.cos(ANGLES[1]), abs=1e-3)
    assert find(output, 38, count=1).nearest[0].track_id == TRACKS[5].track_id
    assert len(find(output, 0, count=100).nearest) == 38


def test_equal_embeddings_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    rows = [embedded(n, [1.0, 0.0]) for n in range(6)]
    write_rows(LocalStore(), str(tmp_path), make_run(0, 6), rows)
    assert [near.track_id for near in find(str(tmp_path), 3, count=2).nearest] == [
        TRACKS[0].track_id,
        TRACKS[1].track_id,
    ]


def test_what_has_no_embedding_is_named(output: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no embedding in"):
        find(output, 39)
    with pytest.raises(UsageError, match="there is no answer for 'nobody'"):
        similar(SimilarConfig(output=output, track="nobody"))
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "jazz"}, schema_version=2)
    with pytest.raises(UsageError, match="have no embeddings") as error:
        similar(SimilarConfig(output=str(tmp_path), track="a"))
    assert "--set bundle=default-embedding" in error.value.hint
    assert "--set embedding=true" in error.value.hint


def test_embeddings_of_different_lengths_are_damage(tmp_path: Path) -> None:
    for lengths in ([2, 3, 2], [2, 3, 3]):
        folder = str(tmp_path / str(lengths))
        rows = [embedded(n, [1.0] + [0.0] * (length - 1)) for n, length in enumerate(lengths)]
        write_rows(LocalStore(), folder, make_run(0, 3), rows)
        with pytest.raises(DamageFound, match="differ in length"):
            find(folder, 0)


def test_the_column_is_small_and_single_precision_for_readers(output: str) -> None:
    file = pq.ParquetFile(next(Path(output).glob("scores/*/*/*.parquet")))
    assert str(file.schema_arrow.field("embedding").type) == "list<element: float not null>"
    paths = {file.metadata.row_group(0).column(n).path_in_schema: n for n in range(file.metadata.num_columns)}
    column = file.metadata.row_group(0).column(paths["embedding.list.element"])
    assert "BYTE_STREAM_SPLIT" in column.encodings


def test_the_verb_lists_tracks(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["similar", output, TRACKS[1].track_id, "--set", "count=2", *extra])
        assert ended.value.code == 0
    lines, _, last = capsys.readouterr().out.rstrip().rpartition("\n")
    assert "of 38 tracks:" in lines
    assert [near["track_id"] for near in json.loads(last)["nearest"]] == [TRACKS[0].track_id, TRACKS[2].track_id]
