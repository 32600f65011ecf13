"""What several runs do together, and what each gets of it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sink.shard_rows import FACTS, make_tracks, reject, score

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Part, plan_parts
from genre_batch.engine.workload import ProbeAnswer
from genre_batch.run.shared_pass import SharedPass
from genre_batch.sink.schema import RejectedTrack
from genre_batch.stages.several import SeveralAnswers

DONE = Reject(RejectReason.DONE_ELSEWHERE, RejectStage.READ, "done")
NOT_FINITE = Reject(RejectReason.NOT_FINITE, RejectStage.MODEL, "not a number")
PARTS = list(plan_parts(6, 2))
TRACKS = make_tracks(2)


class Run:
    """Stands in for an OwnRun. left, settled: what it says. committed, answers: what it is given."""

    def __init__(self, left: Sequence[Part], settled: Mapping[int, Reject] | None = None, canaries: int = 0) -> None:
        self.left, self.own = left, settled or {}
        self.committed: list[tuple[Part, list[object], list[RejectedTrack]]] = []
        self.answers: list[ProbeAnswer] = []
        self.job = self
        self.canaries = _Canaries(canaries, self.answers)

    def take_up(self) -> Sequence[Part]:
        return self.left

    def settled(self, tracks: Sequence[Track]) -> Mapping[int, Reject]:
        return self.own

    def commit(self, part: Part, answered: list[object], rejected: list[RejectedTrack]) -> None:
        self.committed.append((part, answered, rejected))


class _Canaries(list[int]):
    def __init__(self, count: int, answers: list[ProbeAnswer]) -> None:
        super().__init__(range(count))
        self._answers = answers

    def __call__(self, answer: ProbeAnswer) -> None:
        self._answers.append(answer)


def shared(*runs: Run) -> SharedPass:
    return SharedPass(cast(Any, runs))


def test_the_parts_to_do_are_those_of_all_runs_each_once() -> None:
    assert shared(Run(PARTS[1:]), Run([PARTS[0], PARTS[2]])).take_up() == PARTS


def test_only_tracks_that_are_done_for_all_models_are_left_out() -> None:
    assert shared(Run(PARTS, {0: DONE, 1: DONE}), Run(PARTS, {1: DONE})).settled(TRACKS) == {1: DONE}
    assert shared(Run(PARTS, {0: DONE})).settled(TRACKS) == {0: DONE}


def test_each_run_gets_the_answers_of_its_model_and_all_common_rejects() -> None:
    first, second = Run(PARTS), Run(PARTS)
    answer = score(TRACKS[0])
    both = SeveralAnswers(TRACKS[0], (FACTS, FACTS), (answer.score, NOT_FINITE))
    common = [reject(TRACKS[1])]
    shared(first, second).commit(PARTS[0], [both], common)
    assert first.committed == [(PARTS[0], [answer], common)]
    assert second.committed == [(PARTS[0], [RejectedTrack(TRACKS[0], NOT_FINITE, 1)], common)]


def test_a_run_alone_gets_its_rows_as_they_are() -> None:
    run = Run(PARTS)
    shared(run).commit(PARTS[0], [score(TRACKS[0])], [])
    assert run.committed == [(PARTS[0], [score(TRACKS[0])], [])]


def test_each_run_gets_what_its_model_says_of_its_canaries() -> None:
    first, none, third = Run(PARTS, canaries=2), Run(PARTS), Run(PARTS, canaries=1)
    answers = (("a1", "a2", "a3"), DONE, ("c1", "c2", "c3"))
    shared(first, none, third).on_probe(ProbeAnswer("start", answers))
    assert first.answers == [ProbeAnswer("start", ("a1", DONE))]
    assert none.answers == []
    assert third.answers == [ProbeAnswer("start", ("c3",))]
    shared(first, none, third).on_probe(ProbeAnswer("end", (), "the actor died"))
    assert [answer.error for answer in (first.answers[-1], third.answers[-1])] == ["the actor died"] * 2
