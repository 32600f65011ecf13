"""Files without a marker: adopted as they are, so what does not belong to their shard must be found before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sink.shard_rows import rejects_file, scores_file
from verify.outputs import commit_shards, outcome, tracks_of
from verify.stand_in import sink_resumes

from genre_batch.config import VerifyConfig
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.mending import mend
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.local import LocalStore
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import verify

TRACKS = tracks_of(range(20, 40))


def scores(numbers: range, plan: RunPlan) -> bytes:
    rows = [outcome(track) for track in TRACKS[numbers.start : numbers.stop]]
    return scores_file([row for row in rows if isinstance(row, ScoredTrack)], plan)


def rejects(numbers: range, plan: RunPlan) -> bytes:
    rows = [outcome(track) for track in TRACKS[numbers.start : numbers.stop]]
    return rejects_file([row for row in rows if isinstance(row, RejectedTrack)], plan)


def damage(output: Path) -> list[tuple[str, str]]:
    findings = verify(VerifyConfig(output=str(output))).findings
    return [(finding.path, finding.message) for finding in findings if finding.is_damage]


OWN = range(12, 16)
"""The rows of shard 3, which is not committed."""


def test_what_a_driver_left_before_its_marker_is_no_damage(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 3)).write_bytes(scores(OWN, unfinished))
    assert damage(output) == []
    (output / layout.rejects_path(unfinished, 3)).write_bytes(rejects(OWN, unfinished))
    assert damage(output) == []


@pytest.mark.parametrize(
    ("answers", "rejected", "name"),
    [
        (range(4, 8), None, layout.answers_path),
        (range(12, 17), None, layout.answers_path),
        (OWN, range(16, 20), layout.rejects_path),
        (OWN, range(0), layout.rejects_path),
    ],
    ids=["answers of another shard", "one too many", "rejects of another shard", "rejects are missing"],
)
def test_rows_of_another_shard_are_moved_away_and_done_again(
    answers: range,
    rejected: range | None,
    name: Callable[[RunPlan, int], str],
    output: Path,
    unfinished: RunPlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (output / layout.answers_path(unfinished, 3)).write_bytes(scores(answers, unfinished))
    if rejected is not None:
        (output / layout.rejects_path(unfinished, 3)).write_bytes(rejects(rejected, unfinished))
    assert damage(output) == [(name(unfinished, 3), "its rows are not those of its shard")]
    with pytest.raises(DamageFound) as met:
        commit_shards(LocalStore(), str(output), unfinished, TRACKS, [3])
    assert met.value.hint in (mend(), mend(str(output)))
    sink_resumes(monkeypatch)
    assert not verify_and_repair(VerifyConfig(output=str(output), repair=True)).damage
    commit_shards(LocalStore(), str(output), unfinished, TRACKS, [1, 3, 4])
    assert Ledger(LocalStore(), str(output), unfinished).shards() == set(range(5))
    assert damage(output) == []
