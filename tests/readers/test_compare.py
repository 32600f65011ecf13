"""Two models over the same tracks: what is counted, with and without a taxonomy map."""

import json
from pathlib import Path

import pytest
from outputs import make_run, write_rows, write_run
from sink.shard_rows import FACTS
from test_table import CORRUPT

from genre_batch.catalog.track import Track
from genre_batch.cli.app import main
from genre_batch.errors import UsageError
from genre_batch.model.scores import Score
from genre_batch.readers.compare import AnswerPair, CompareConfig, Comparison, compare
from genre_batch.sink.schema import ScoredTrack
from genre_batch.storage.local import LocalStore

Answers = dict[str, tuple[dict[str, float], bool]]
"""track_id -> the pairs of `top_k`, and whether the model abstains."""


def write_answers(output: str, day: int, model: str, answers: Answers, etag: str = "v1") -> None:
    rows = []
    for track_id, (pairs, abstained) in sorted(answers.items()):
        genre, confidence = next(iter(pairs.items()))
        score = Score(None if abstained else genre, confidence, tuple(pairs.items()), abstained, 1)
        rows.append(ScoredTrack(Track(track_id, f"s3://music/{track_id}", etag, 1), FACTS, score))
    write_rows(LocalStore(), output, make_run(day, len(rows), model_id=model, fingerprint=model), rows)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("two models"))
    sure, unsure = {"rock": 0.75, "jazz": 0.125}, {"jazz": 0.5, "metal": 0.375, "rock": 0.125}
    a = {"t1": (sure, False), "t2": (sure, False), "t3": (unsure, False), "t4": (unsure, True), "only-a": (sure, False)}
    b = {"t1": (sure, False), "t2": ({"jazz": 1.0}, False), "t3": ({"metal": 0.625}, False), "t4": (sure, False)}
    write_answers(output, 0, "a-1", a)
    write_answers(output, 1, "b-1", b)
    write_answers(output, 2, "a-1", {"newer": (sure, False)}, etag="v2")
    write_answers(output, 3, "b-1", {"newer": (sure, False), "only-b": (sure, False)}, etag="v1")
    return output


def compared(output: str, **settings: object) -> Comparison:
    return compare(CompareConfig.model_validate({"output": output, "model_a": "a-1", "model_b": "b-1"} | settings))


def test_tracks_are_counted_by_both_answers(output: str) -> None:
    found = compared(output)
    assert (found.tracks, found.only_a, found.only_b, found.other_version) == (4, 1, 1, 1)
    assert (found.both_answered, found.agreement) == (3, pytest.approx(1 / 3))
    assert {(pair.genre_a, pair.genre_b, pair.tracks) for pair in found.pairs} == {
        ("rock", "rock", 1),
        ("rock", "jazz", 1),
        ("jazz", "metal", 1),
        (None, "rock", 1),
    }
    assert found.matrix() == (
        ["jazz", "metal", "rock", None],
        [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]],
    )
    assert [pair for pair in found.flips if pair.genre_b == "jazz"] == [
        AnswerPair(genre_a="rock", genre_b="jazz", tracks=1)
    ]


def test_shifts_are_those_of_the_confidences(output: str) -> None:
    shifts = compared(output).shifts
    assert (shifts["all"].tracks, shifts["agreeing"].tracks, shifts["flipped"].tracks) == (4, 1, 2)
    assert (shifts["flipped"].mean_a, shifts["flipped"].mean_b) == (0.625, 0.8125)
    assert (shifts["all"].p50, shifts["agreeing"].p90) == (pytest.approx(0.1875), 0.0)


def test_the_flips_on_which_both_are_confident_come_first(output: str) -> None:
    flips = compared(output).examples
    assert [(flip.track_id, flip.uri, flip.genre_a, flip.genre_b) for flip in flips] == [
        ("t2", "s3://music/t2", "rock", "jazz"),
        ("t3", "s3://music/t3", "jazz", "metal"),
    ]
    assert [flip.track_id for flip in compared(output, examples=1).examples] == ["t2"]
    assert compared(output, examples=0).examples == ()


def test_a_map_adds_probabilities_before_labels_are_compared(output: str, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text("label,mapped\nrock,loud\nmetal,loud\njazz,calm\n")
    found = compared(output, taxonomy=str(file))
    # t3: 0.375 metal and 0.125 rock equal 0.5 jazz, and the label that comes first in the column stays
    assert {(pair.genre_a, pair.genre_b) for pair in found.pairs} >= {
        ("loud", "loud"),
        ("loud", "calm"),
        (None, "loud"),
    }
    assert found.undecided_a == 0
    # 0.625 of 1 is listed: the rest may be anything, but not more than the first
    assert found.undecided_b == 0
    file.write_text("label,mapped\nrock,rock\nmetal,metal\n")
    with pytest.raises(UsageError, match="no line for 'jazz'"):
        compared(output, taxonomy=str(file))


def test_labels_that_top_k_leaves_open_are_counted(tmp_path: Path) -> None:
    output, file = str(tmp_path / "out"), tmp_path / "map.csv"
    write_answers(output, 0, "a-1", {"t": ({"rock": 0.4, "jazz": 0.35}, False), "u": ({"rock": 0.9}, False)})
    write_answers(output, 1, "b-1", {"t": ({"rock": 0.5, "jazz": 0.5}, False), "u": ({"jazz": 0.45}, False)})
    file.write_text("label,mapped\nrock,loud\njazz,calm\n")
    found = compared(output, taxonomy=str(file))
    assert (found.undecided_a, found.undecided_b) == (1, 1)
    assert "undecided          1 in A, 1 in B" in found.summary()


def test_tracks_without_an_answer_are_not_compared(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "jazz", ("b", "v1"): CORRUPT}, model_id="a-1")
    write_run(LocalStore(), str(tmp_path), 1, {("b", "v1"): "jazz"}, model_id="b-1", fingerprint="2" * 64)
    found = compared(str(tmp_path))
    assert (found.tracks, found.only_a, found.only_b, found.agreement, found.shifts) == (0, 1, 1, None, {})
    assert found.matrix() == ([], [])
    assert "0 tracks" in found.summary()


def test_two_different_models_of_the_output_are_needed(output: str) -> None:
    with pytest.raises(UsageError, match="both MODEL_A and MODEL_B"):
        compared(output, model_b="a-1")
    with pytest.raises(UsageError, match="there is no model 'c-1'"):
        compared(output, model_b="c-1")


def test_the_terminal_shows_a_matrix_or_the_most_frequent_flips(output: str) -> None:
    text = compared(output).summary()
    assert "A a-1, B b-1: 4 tracks" in text
    assert "33.3% of the 3 tracks" in text
    assert "  rock               1        0        1        0" in text
    assert "t2: rock (0.75) -> jazz (1.00)" in text
    wide = compared(output).model_copy(
        update={"pairs": tuple(AnswerPair(genre_a=f"g{n}", genre_b=f"g{n + 1}", tracks=n) for n in range(20, 0, -1))}
    )
    assert "the most frequent of 20 kinds of flips" in wide.summary()
    assert "g20 -> g21" in wide.summary()


def test_the_verb_prints_lines_or_json(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["compare", output, "a-1", "b-1", *extra])
        assert ended.value.code == 0
    lines, _, last = capsys.readouterr().out.rstrip().rpartition("\n")
    assert lines.startswith("A a-1, B b-1")
    assert json.loads(last)["both_answered"] == 3
