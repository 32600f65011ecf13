"""What became of a run's canaries is compared, recorded and said."""

from pathlib import Path

import pytest

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.engine.workload import ProbeAnswer
from genre_batch.model.canaries import Canary
from genre_batch.model.scores import Score
from genre_batch.run.canary_watch import CanaryWatch, canary_answer
from genre_batch.sink.canary_record import read_canary_record
from genre_batch.storage.local import LocalStore

RUN = "20261121T065212Z-000000"
CANARY = Canary("a.mp3", b"", {"jazz": 0.75, "rock": 0.25})


def score(jazz: float) -> Score:
    return Score(None, jazz, tuple(sorted((("jazz", jazz), ("rock", 1 - jazz)), key=lambda pair: -pair[1])), True, 1)


def test_an_answer_is_set_beside_the_expected_one() -> None:
    assert canary_answer(CANARY, score(0.75)).change == 0.0
    other = canary_answer(CANARY, score(0.25))
    assert (other.genre, other.probability, other.change) == ("rock", 0.25, 0.5)
    rejected = canary_answer(CANARY, Reject(RejectReason.CORRUPT, RejectStage.DECODE, "no frame"))
    assert (rejected.reject, rejected.change) == ("corrupt: no frame", None)
    assert canary_answer(CANARY, None).reject == "no answer"


def test_checks_of_all_starts_are_kept_and_a_change_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = CanaryWatch(LocalStore(), str(tmp_path), RUN, [CANARY], 0.02)
    assert first.changes is None
    first(ProbeAnswer("start", (score(0.76),)))
    assert first.changes == ()
    assert "canary" not in capsys.readouterr().err
    second = CanaryWatch(LocalStore(), str(tmp_path), RUN, [CANARY], 0.02)
    second(ProbeAnswer("start", (score(0.25),)))
    second(ProbeAnswer("end", (), "the actor died"))
    assert second.changes is not None
    assert len(second.changes) == 2
    said = capsys.readouterr().err
    assert "below rock" in said
    assert "the actor died; `publish` refuses this run" in said
    record = read_canary_record(LocalStore(), str(tmp_path), RUN)
    assert record is not None
    assert [check.moment for check in record.checks] == ["start", "start", "end"]
    assert [len(check.changes()) for check in record.checks] == [0, 1, 1]
