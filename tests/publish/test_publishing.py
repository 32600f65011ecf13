"""What readers are served after runs, publications, candidates, deletions and rollbacks, on real storage."""

from pathlib import Path

import pyarrow as pa
import pytest
from outputs import Outcomes, write_run
from publish.histories import Place

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import PublicationRefused, UsageError
from genre_batch.history import done_writer
from genre_batch.history.unlisted import Unlisted, write_unlisted
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.pointer import steps
from genre_batch.publish.publish_report import PublishReport
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.sink import layout
from genre_batch.sink.canary_record import CanaryAnswer, CanaryCheck, CanaryRecord, write_canary_record
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import Counts
from genre_batch.sink.verdict import Verdict, write_verdict
from genre_batch.storage.store import Store, WriteFailed

CORRUPT = RejectReason.CORRUPT
in_a_folder = pytest.mark.parametrize("place", ["local"], indirect=True)
"""For tests of rules. Those without it write in every way that there is, on each kind of storage."""


def night(place: Place, day: int, outcomes: dict[str, str | RejectReason], **changes: object) -> RunPlan:
    """A finished run: names of tracks, with their etag after a colon, and their outcomes."""
    versions: Outcomes = {(name.partition(":")[0], name.partition(":")[2]): o for name, o in outcomes.items()}
    return write_run(*place, day, versions, **changes)


def run(place: Place, **changes: object) -> PublishReport:
    report = publish(PublishConfig.model_validate({"output": place[1], **changes}))
    assert report.summary()
    return report


def served(place: Place, model: str | None = None) -> dict[str, str]:
    rows = table.latest(place[1], model, columns=["track_id", "genre"])
    assert rows["track_id"].is_unique
    return dict(zip(rows["track_id"], rows["genre"], strict=True))


def test_runs_are_served_once_they_are_published(place: Place) -> None:
    night(place, 0, {"a": "rock", "b": "jazz"})
    assert served(place) == {"a": "rock", "b": "jazz"}
    assert run(place).outcome == "published"
    night(place, 1, {"c": "rock", "a:v2": "pop"})
    assert served(place) == {"a": "rock", "b": "jazz"}
    report = run(place)
    assert (report.outcome, report.runs, len(report.new_runs)) == ("published", 2, 1)
    assert served(place) == {"a": "pop", "b": "jazz", "c": "rock"}
    assert run(place).outcome == "unchanged"
    assert [step.number for step in steps(*place)] == [2, 1]


@in_a_folder
def test_a_candidate_changes_nothing_until_it_is_chosen(place: Place) -> None:
    night(place, 0, {"a": "rock", "b": "jazz"})
    run(place)
    night(place, 1, {"a": "pop"}, model_id="candidate", fingerprint="0" * 64)
    assert run(place).outcome == "unchanged"
    assert served(place) == {"a": "rock", "b": "jazz"}
    refused = run(place, model="candidate")
    assert [each.rule for each in refused.rulings if not each.passed] == ["coverage"]
    with pytest.raises(PublicationRefused, match=r"0\.5 times the tracks"):
        refused.require()
    assert served(place) == {"a": "rock", "b": "jazz"}
    night(place, 2, {"b": "pop"}, model_id="candidate", fingerprint="0" * 64)
    assert run(place, model="candidate").outcome == "published"
    assert served(place) == {"a": "pop", "b": "pop"}
    assert served(place, "mel-cnn-1") == {"a": "rock", "b": "jazz"}
    assert run(place, rollback=True).outcome == "rolled_back"
    assert served(place) == {"a": "rock", "b": "jazz"}


@in_a_folder
def test_answers_to_earlier_versions_do_not_count_for_the_model_that_is_replaced(place: Place) -> None:
    for number in range(3):
        night(place, number, {f"a:v{number}": "rock", f"b:v{number}": "jazz"})
        run(place)
    night(place, 3, {"a:v2": "pop", "b:v2": "pop"}, model_id="candidate", fingerprint="0" * 64)
    report = run(place, model="candidate")
    assert {each.rule: each.value for each in report.rulings}["coverage"] == 1.0
    assert (report.outcome, served(place)) == ("published", {"a": "pop", "b": "pop"})


@in_a_folder
def test_a_bad_night_is_refused_and_then_taken_in_by_a_good_one(place: Place) -> None:
    night(place, 0, {"a": "rock", "b": "jazz"})
    run(place)
    bad = night(place, 1, {"c": "rock", "d": CORRUPT, "e": CORRUPT})
    verdict = Verdict(
        message="2 of 3 rejected", hint="look", max_reject_rate=0.1, listed=5, counts=Counts(), runs=(bad.run_id,)
    )
    write_verdict(*place, bad.run_id, verdict)
    refused = run(place)
    assert refused.outcome == "refused"
    assert {each.rule for each in refused.rulings if not each.passed} == {"verdict", "reject_rate"}
    assert served(place) == {"a": "rock", "b": "jazz"}
    night(place, 2, dict.fromkeys("fghijklmnop", "rock"))
    assert run(place).outcome == "published"
    assert served(place).keys() == set("abcfghijklmnop")


@in_a_folder
def test_each_track_that_is_still_in_the_catalog_counts_once_as_rejected_or_not(place: Place) -> None:
    night(place, 0, {"a": "rock", "b": CORRUPT, "c": CORRUPT, "d": RejectReason.READ_FAILED, "e": CORRUPT})
    night(place, 1, {"d": "rock", "e:v2": "jazz", "f": "pop", "g": CORRUPT, "h": RejectReason.DEFERRED})
    strict = GateConfig(max_reject_rate=0.0)
    assert {each.rule: each.value for each in run(place, rules=strict).rulings}["reject_rate"] == 3 / 7
    gone = Unlisted([0])
    gone.add(0, pa.array(["a"]), pa.array(["b", "g"]))
    second = night(place, 2, {"g": "rock"})
    write_unlisted(*place, "s3://music", gone.rows(second.run_id))
    assert {each.rule: each.value for each in run(place, rules=strict).rulings}["reject_rate"] == 1 / 5


def test_a_rollback_withholds_its_runs_until_someone_asks(place: Place) -> None:
    night(place, 0, {"a": "rock"})
    run(place)
    wrong = night(place, 1, {"a:v2": "noise", "b": "noise"})
    run(place)
    assert served(place) == {"a": "noise", "b": "noise"}
    assert run(place, rollback=True).withheld == (wrong.run_id,)
    assert served(place) == {"a": "rock"}
    night(place, 2, {"c": "jazz"})
    assert run(place).withheld == (wrong.run_id,)
    assert served(place) == {"a": "rock", "c": "jazz"}
    assert run(place, again=True).withheld == ()
    assert served(place) == {"a": "noise", "b": "noise", "c": "jazz"}
    for _ in range(2):
        run(place, rollback=True)
    with pytest.raises(UsageError, match="no earlier publication"):
        run(place, rollback=True)


@in_a_folder
def test_a_run_whose_canaries_changed_is_withheld_by_name_and_the_others_are_served(place: Place) -> None:
    night(place, 0, {"a": "rock"})
    run(place)
    bad = night(place, 1, {"a:v2": "noise", "b": "noise"})
    answer = CanaryAnswer(clip="x.mp3", expected="rock", expected_probability=0.9, reject="corrupt")
    check = CanaryCheck(moment="end", at=bad.planned_at, tolerance=0.02, answers=(answer,))
    write_canary_record(*place, bad.run_id, CanaryRecord(checks=(check,)))
    good = night(place, 2, {"c": "jazz"})
    assert [each.rule for each in run(place).rulings if not each.passed] == ["canaries"]
    report = run(place, without=(bad.run_id,))
    assert (report.outcome, report.new_runs, report.withheld) == ("published", (good.run_id,), (bad.run_id,))
    assert served(place) == {"a": "rock", "c": "jazz"}
    assert next(steps(*place)).withheld == (bad.run_id,)
    night(place, 3, {"d": "pop"})
    assert run(place).withheld == (bad.run_id,)
    assert run(place, without=(bad.run_id,)).outcome == "unchanged"
    assert run(place, again=True).outcome == "refused"
    assert served(place).keys() == set("acd")


@in_a_folder
def test_a_run_may_be_withheld_before_there_is_another_one_but_not_once_it_is_served(place: Place) -> None:
    first = night(place, 0, {"a": "rock"})
    run(place)
    second = night(place, 1, {"b": "noise"})
    report = run(place, without=(second.run_id,))
    assert (report.outcome, report.new_runs, report.withheld) == ("published", (), (second.run_id,))
    assert run(place).outcome == "unchanged"
    with pytest.raises(UsageError, match="would not be published now"):
        run(place, without=(first.run_id,))
    assert run(place, again=True).withheld == ()
    assert served(place) == {"a": "rock", "b": "noise"}


def lacks(place: Place, as_of: RunPlan, *names: str) -> None:
    """The full listing of that run lacked these tracks of earlier runs."""
    gone = Unlisted([0])
    none = pa.array([], pa.string())
    gone.add(0, pa.array([*names], pa.string()), none)
    gone.add(1, pa.array(["never"], pa.string()), none)
    write_unlisted(*place, "s3://music", gone.rows(as_of.run_id))


def test_deleted_tracks_are_withdrawn_and_come_back(place: Place) -> None:
    night(place, 0, {"a": "rock", "b": "jazz", "c": "pop"})
    run(place)
    lacks(place, night(place, 1, {"d": "rock"}), "b")
    assert served(place).keys() == set("abc")
    assert run(place, rules=GateConfig(max_deleted_rate=0.1)).outcome == "refused"
    assert run(place, rules=GateConfig(max_deleted_rate=0.5)).outcome == "published"
    assert served(place).keys() == set("acd")
    lacks(place, night(place, 2, {"b:v2": "metal"}))
    run(place)
    assert served(place) == {"a": "rock", "b": "metal", "c": "pop", "d": "rock"}


@in_a_folder
def test_a_track_that_went_before_another_run_answered_it_is_served(place: Place) -> None:
    """It is gone from one source as of its run; a newer run over another source has it."""
    first = night(place, 0, {"a": "rock", "b": "jazz"})
    night(place, 2, {"b:v2": "pop"})
    lacks(place, first, "b")
    run(place, rules=GateConfig(max_deleted_rate=1.0))
    assert served(place) == {"a": "rock", "b": "pop"}


def test_an_output_without_a_good_run_cannot_be_published(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="finished and not failed"):
        publish(PublishConfig(output=str(tmp_path)))
    with pytest.raises(UsageError, match="no run of a model 'x'"):
        publish(PublishConfig(output=str(tmp_path), model="x"))


def test_a_publication_stands_if_the_done_index_cannot_be_written(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(store: Store, output: str) -> int:
        raise WriteFailed(f"no room at {output}")

    monkeypatch.setattr(done_writer, "_extend", fail)
    night(place, 0, {"a:v1": "rock"})
    assert run(place, done_index=True).outcome == "published"
    assert "the done-index is left as it is: no room" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", [True, False])
def test_a_publication_extends_the_done_index_even_if_a_rule_refuses_it(
    place: Place, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(done_writer, "_LEAST_ROWS", 0)
    night(place, 0, {"a:v1": "rock", "b:v1": RejectReason.CORRUPT})
    report = run(place, rules=GateConfig(max_reject_rate=0.1), done_index=wanted)
    assert report.outcome == "refused"
    found = [each.uri for each in place[0].list(layout.at(place[1], layout.DONE_FOLDER))]
    assert len(found) == (2 if wanted else 0)
