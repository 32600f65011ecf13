"""When a run is stopped."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.schedule.stop_rules import OutcomeWatch, Stop, StopRules

DENIED, CORRUPT = RejectReason.ACCESS_DENIED, RejectReason.CORRUPT
Outcome = tuple[Track, Reject | None]
REASONS = st.sampled_from([None, None, CORRUPT, DENIED, RejectReason.READ_FAILED])


def outcomes(reasons: Sequence[RejectReason | None], first: int = 0) -> list[Outcome]:
    tracks = [Track(str(n), f"s3://b/{n}", "v1", 1) for n in range(first, first + len(reasons))]
    rejects = [None if reason is None else Reject(reason, RejectStage.READ, f"no {reason}") for reason in reasons]
    return list(zip(tracks, rejects, strict=True))


def watch(rate: float = 0.25, denied: int | None = 20, after: int = 1_000) -> OutcomeWatch:
    return OutcomeWatch(StopRules(rate, denied, after))


@pytest.mark.parametrize(
    ("answers", "rejects", "stop"),
    [(0, 999, None), (0, 1_000, Stop.REJECTS), (750, 250, None), (749, 251, Stop.REJECTS), (751, 249, None)],
)
def test_the_rate_counts_from_a_thousand_tracks_on(answers: int, rejects: int, stop: Stop | None) -> None:
    assert watch().note(outcomes([CORRUPT] * rejects + [None] * answers)) is stop


def test_a_rate_of_1_never_stops_a_run() -> None:
    assert watch(rate=1.0).note(outcomes([CORRUPT] * 5_000)) is None


def test_archived_tracks_stop_no_run_and_break_a_row_of_denied_ones() -> None:
    seen = watch()
    assert seen.note(outcomes([RejectReason.ARCHIVED] * 5_000)) is None
    assert seen.note(outcomes([*[DENIED] * 19, RejectReason.ARCHIVED, DENIED])) is None
    assert seen.rejected == 5_021


@pytest.mark.parametrize(("most", "denied", "stop"), [(20, 19, None), (20, 20, Stop.DENIED), (None, 900, None)])
def test_so_many_denied_tracks_in_a_row_stop_a_run(most: int | None, denied: int, stop: Stop | None) -> None:
    assert watch(denied=most).note(outcomes([None, *[DENIED] * denied])) is stop


@pytest.mark.parametrize("between", [None, CORRUPT])
def test_any_other_outcome_between_them_breaks_the_row(between: RejectReason | None) -> None:
    seen = watch()
    assert seen.note(outcomes([DENIED] * 19)) is None
    assert seen.note(outcomes([between, *[DENIED] * 19], first=19)) is None
    assert seen.note(outcomes([DENIED], first=39)) is Stop.DENIED


def test_a_row_goes_on_from_one_call_to_the_next() -> None:
    seen = watch()
    assert [seen.note(outcomes([DENIED] * 7)) for _ in range(3)] == [None, None, Stop.DENIED]


def test_it_keeps_what_is_reported_to_the_user() -> None:
    seen = watch()
    seen.note(outcomes([None, CORRUPT, DENIED, CORRUPT]))
    assert (seen.tracks, seen.rejected, seen.by_reason) == (4, 3, {CORRUPT: 2, DENIED: 1})
    assert [track.uri for track, _ in seen.examples.values()] == ["s3://b/1", "s3://b/2"]


def _stops_at(reasons: Sequence[RejectReason | None], rules: StopRules) -> Stop | None:
    """The same said another way: the first prefix that breaks a rule."""
    for end in range(1, len(reasons) + 1):
        last = reasons[max(0, end - (rules.max_denied_in_a_row or 0)) : end]
        if rules.max_denied_in_a_row and last == [DENIED] * rules.max_denied_in_a_row:
            return Stop.DENIED
        rejects = sum(reason is not None for reason in reasons[:end])
        if end >= rules.after_tracks and rejects / end > rules.max_reject_rate:
            return Stop.REJECTS
    return None


@given(
    reasons=st.lists(REASONS, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    rate=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    denied=st.sampled_from([None, 1, 3]),
    after=st.integers(1, 20),
)
def test_how_the_outcomes_are_cut_into_calls_makes_no_difference(
    reasons: list[RejectReason | None], cuts: list[int], rate: float, denied: int | None, after: int
) -> None:
    seen, reported = watch(rate, denied, after), None
    ends = [*sorted(cut for cut in cuts if cut < len(reasons)), len(reasons)]
    start = 0
    for end in ends:
        reported = seen.note(outcomes(reasons[start:end], first=start))
        start = end
    assert reported is _stops_at(reasons, seen.rules)
    assert seen.tracks == len(reasons)
    assert seen.by_reason == Counter(reason for reason in reasons if reason is not None)


@given(st.lists(st.tuples(st.lists(REASONS, max_size=6), st.integers(0, 9)), max_size=12))
def test_answers_that_are_counted_together_count_as_each_for_itself(
    batches: list[tuple[list[RejectReason | None], int]],
) -> None:
    each, together = watch(denied=3, after=20), watch(denied=3, after=20)
    for reasons, answers in batches:
        each.note(outcomes(reasons))
        together.note(outcomes(reasons))
        assert each.note(outcomes([None] * answers)) == together.note_answers(answers)
        assert (each.tracks, each.denied_in_a_row) == (together.tracks, together.denied_in_a_row)
