"""The rules that decide whether runs may be served."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.reject import RejectReason
from genre_batch.publish.gate import Evidence, GateConfig, rulings, stability_index
from genre_batch.publish.pointer import PublishedModel
from genre_batch.sink.canary_record import CanaryAnswer, CanaryCheck, CanaryRecord
from genre_batch.sink.record import Counts
from genre_batch.sink.verdict import Verdict

RUN = "20261121T065212Z-000000"
Value = Counts | tuple[int, ...]


def model(scored: int = 0, abstained: int = 0, rock: int = 0, sure: int = 0, **rejects: int) -> PublishedModel:
    counts = Counts(
        scored=scored,
        abstained=abstained,
        rejected_by_reason={RejectReason(reason): count for reason, count in rejects.items()},
        genres={"rock": rock, "jazz": scored - abstained - rock},
    )
    return PublishedModel(answers="scores", runs=(RUN,), counts=counts, confidence=(scored - sure, *[0] * 8, sure))


def refusals(evidence: Evidence, **rules: float) -> list[str]:
    found = rulings(evidence, GateConfig(**rules))  # type: ignore[arg-type]
    assert all(each.message for each in found)
    return [each.rule for each in found if not each.passed]


def test_a_healthy_night_is_published() -> None:
    night = model(scored=2_000, abstained=400, rock=800, sure=1_500, corrupt=10)
    served = model(scored=20_000, abstained=4_100, rock=8_100, sure=15_200)
    evidence = Evidence(new=night, served=served, tried=2_010, failed=10, answered=20_000, deleted=3)
    assert refusals(evidence) == []
    assert {each.rule for each in rulings(evidence, GateConfig())} == {
        "verdict", "reject_rate", "abstain_rate", "genre_drift", "confidence_drift", "deleted_rate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "rule"),
    [
        (Evidence(new=model(scored=70, rock=30, corrupt=30), tried=100, failed=30), "reject_rate"),
        (Evidence(new=model(scored=100, abstained=95, rock=5)), "abstain_rate"),
        (Evidence(new=model(scored=2_000, rock=1_900), served=model(scored=2_000, rock=400)), "genre_drift"),
        (Evidence(new=model(scored=2_000, sure=100), served=model(scored=2_000, sure=1_500)), "confidence_drift"),
        (Evidence(new=model(scored=50), answered=50, replaced=100), "coverage"),
        (Evidence(new=model(), served=model(scored=300), answered=100, deleted=30), "deleted_rate"),
        (
            Evidence(
                new=model(scored=9),
                verdict=Verdict(
                    message="5 of 9 rejected", hint="", max_reject_rate=0.1, listed=9, counts=Counts(), runs=(RUN,)
                ),
            ),
            "verdict",
        ),
    ],
)
def test_each_rule_refuses_what_it_is_about(evidence: Evidence, rule: str) -> None:
    assert refusals(evidence) == [rule]


def canaries(change: float | None, tolerance: float = 0.02) -> CanaryRecord:
    found = {"genre": "jazz", "probability": 0.5, "change": change}
    answer = CanaryAnswer.model_validate({"clip": "a", "expected": "jazz", "expected_probability": 0.5, **found})
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return CanaryRecord(checks=(CanaryCheck(moment="end", at=at, tolerance=tolerance, answers=(answer,)),))


def test_changed_canaries_of_any_new_run_refuse() -> None:
    night = model(scored=9, rock=5)
    assert refusals(Evidence(new=night, canaries={RUN: canaries(0.01)})) == []
    changed = Evidence(new=night, canaries={RUN: canaries(0.2), "later": canaries(0.0)})
    assert refusals(changed) == ["canaries"]
    assert refusals(changed, max_canary_change=0.2) == []
    assert refusals(Evidence(new=night, canaries={RUN: canaries(0.05, tolerance=0.07)})) == []
    assert refusals(Evidence(new=night, canaries={RUN: canaries(None)})) == ["canaries"]
    assert "canaries" not in {each.rule for each in rulings(Evidence(new=night), GateConfig())}


def test_rejects_of_tracks_that_are_gone_do_not_refuse() -> None:
    assert refusals(Evidence(new=model(scored=10, rock=5, corrupt=900), tried=10)) == []


def test_a_few_tracks_do_not_drift() -> None:
    assert refusals(Evidence(new=model(scored=50, rock=50), served=model(scored=9_000, rock=10))) == []


def test_limits_are_settings() -> None:
    worse = Evidence(new=model(scored=70, rock=30, corrupt=30), tried=100, failed=30)
    assert refusals(worse, max_reject_rate=0.3) == []
    assert refusals(worse, max_reject_rate=0.29) == ["reject_rate"]


def test_the_stability_index_of_a_known_case() -> None:
    """Shares 0.5/0.5 against 0.6/0.4: (0.1 * ln 1.2) + (-0.1 * ln 0.8) = 0.04055."""
    assert stability_index([(500_000, 600_000), (500_000, 400_000)]) == pytest.approx(0.04055, abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=10))
def test_the_stability_index_is_never_negative_and_does_not_depend_on_the_direction(
    counts: list[tuple[int, int]],
) -> None:
    assert stability_index(counts) >= -1e-12
    assert stability_index(counts) == pytest.approx(stability_index([(new, old) for old, new in counts]), abs=1e-9)
    assert stability_index([(old, old) for old, _ in counts]) == pytest.approx(0.0, abs=1e-12)
