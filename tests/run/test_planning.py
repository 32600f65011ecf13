"""Which run it is: a new one, an unfinished one, or none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server
from sink.shard_rows import score

from genre_batch import pipeline
from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.errors import UsageError, UserError
from genre_batch.history import done_writer
from genre_batch.history.unlisted import read_unlisted
from genre_batch.model import bundle as bundle_module
from genre_batch.run.jobs import features_job, scoring_job
from genre_batch.run.planning import part_plan, resume_or_plan
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, read_plan
from genre_batch.sink.schema import RejectedTrack
from genre_batch.storage.local import LocalStore
from genre_batch.verify.gc import collect_garbage
from genre_batch.verify.verify_config import GcConfig

_SILENT = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")


@pytest.fixture
def config(tmp_path: Path) -> ScoreConfig:
    (tmp_path / "in" / "shelf").mkdir(parents=True)
    for name in ("b.mp3", "shelf/a.mp3"):
        (tmp_path / "in" / name).write_bytes(b"xyz")
    return load(ScoreConfig, None, (), {"source": str(tmp_path / "in"), "output": str(tmp_path / "out")})


def planned(config: ScoreConfig) -> tuple[RunPlan, bool]:
    return resume_or_plan(config, scoring_job(config), LocalStore())


def test_a_new_run_freezes_its_listing_and_keeps_its_settings(config: ScoreConfig) -> None:
    plan, resumed = planned(config)
    assert not resumed
    assert (plan.listed, plan.skipped, plan.tracks, plan.size_bytes) == (2, 0, 2, 6)
    listed = list(Listing(LocalStore(), layout.listing_folder(config.output, plan.run_id)))
    assert [track.uri for track in listed] == [f"{config.source}/b.mp3", f"{config.source}/shelf/a.mp3"]
    kept = Path(config.output, "_runs", plan.run_id, "config.yaml")
    assert load(ScoreConfig, str(kept)) == config


def test_what_was_tried_and_is_no_longer_listed_is_noted_even_if_there_is_nothing_to_do(config: ScoreConfig) -> None:
    Path(config.source, "c.mp3").write_bytes(b"xyz")
    plan, _ = planned(config)
    answered, *others = Listing(LocalStore(), layout.listing_folder(config.output, plan.run_id))
    ledger = Ledger(LocalStore(), config.output, plan)
    ledger.commit(0, [score(answered)], [RejectedTrack(track, _SILENT, 1) for track in others])
    finish(LocalStore(), config.output, plan, ledger.records())
    for name in ("b.mp3", "c.mp3"):  # this one was rejected
        Path(config.source, name).unlink()
    again, _ = planned(config)
    assert again.tracks == 0
    gone = read_unlisted(LocalStore(), config.output).to_pylist()
    assert [(row["track_id"], row["run_id"], row["reason"]) for row in gone] == [
        (f"{config.source}/b.mp3", again.run_id, "deleted"),
        (f"{config.source}/c.mp3", again.run_id, "never_answered"),
    ]
    for name in ("b.mp3", "c.mp3"):
        Path(config.source, name).write_bytes(b"xyz")
    planned(config)
    assert read_unlisted(LocalStore(), config.output).num_rows == 0


@pytest.mark.parametrize("indexed", [False, True])
def test_a_track_that_changes_before_an_unfinished_backfill_comes_to_it_is_labelled_once(
    config: ScoreConfig, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(done_writer, "_LEAST_ROWS", 0 if indexed else 100)
    planned(config.model_copy(update={"run_kind": "backfill"}))
    Path(config.source, "b.mp3").write_bytes(b"changed")
    plan, _ = planned(config)
    assert plan.tracks == 1
    (track,) = Listing(LocalStore(), layout.listing_folder(config.output, plan.run_id))
    ledger = Ledger(LocalStore(), config.output, plan)
    ledger.commit(0, [], [RejectedTrack(track, _SILENT, 1)])
    finish(LocalStore(), config.output, plan, ledger.records())
    assert done_writer.extend_done_index(LocalStore(), config.output) == indexed
    assert planned(config)[0].tracks == 0
    # the answer that the backfill is to give is older than the run, and not the one that counts after it
    Path(config.source, "b.mp3").write_bytes(b"xyz")
    assert planned(config)[0].tracks == 1


def test_what_lies_beside_music_is_not_listed_but_counted_and_the_plan_keeps_the_patterns(config: ScoreConfig) -> None:
    for name in ("cover.jpg", "shelf/._a.mp3", "shelf/notes.txt", "shelf/b.wav"):
        Path(config.source, name).write_bytes(b"x")
    config = config.model_copy(update={"include": ("*.mp3", "*.jpg", "*.txt"), "exclude": ("default", "b.*")})
    plan, _ = planned(config)
    assert (plan.listed, plan.tracks) == (1, 1)
    assert plan.left_out == {"(no pattern of include)": 1, "._*": 1, "*.jpg": 1, "*.txt": 1, "b.*": 1}
    assert (plan.include, plan.exclude[-1]) == (("*.mp3", "*.jpg", "*.txt"), "b.*")
    assert "default" not in plan.exclude
    assert read_plan(LocalStore(), config.output, plan.run_id) == plan
    everything = config.model_copy(update={"include": (), "exclude": ()})
    assert planned(everything) == (plan, True)


def test_the_error_says_if_every_file_was_left_out(config: ScoreConfig) -> None:
    with pytest.raises(UsageError, match=r"no tracks in .*2 files left out by name: 2 \*\.mp3") as ended:
        planned(config.model_copy(update={"exclude": ("*.mp3",)}))
    assert ended.value.hint == "change include or exclude"


def test_a_new_run_is_checked_before_anything_is_written(config: ScoreConfig) -> None:
    def refuse(tracks: int) -> None:
        raise UserError("the bundle is broken")

    with pytest.raises(UserError, match="the bundle is broken"):
        resume_or_plan(config, scoring_job(config), LocalStore(), refuse)
    assert not Path(config.output).exists()
    checks: list[Path] = []
    plan, _ = resume_or_plan(config, scoring_job(config), LocalStore(), lambda _: checks.append(Path(config.output)))
    assert len(checks) == 1
    assert resume_or_plan(config, scoring_job(config), LocalStore(), refuse) == (plan, True)


def test_a_start_without_work_checks_nothing(config: ScoreConfig) -> None:
    store, job = LocalStore(), scoring_job(config)
    plan, _ = planned(config)
    rejected = [
        RejectedTrack(track, _SILENT, 1) for track in Listing(store, layout.listing_folder(config.output, plan.run_id))
    ]
    ledger = Ledger(store, config.output, plan)
    ledger.commit(0, [], rejected)
    finish(store, config.output, plan, ledger.records())
    checks: list[int] = []
    again, _ = resume_or_plan(config, job, store, lambda: checks.append(1))
    assert (again.tracks, checks) == (0, [])


def test_an_unfinished_run_is_resumed_as_it_was_planned(config: ScoreConfig) -> None:
    first, _ = planned(config)
    Path(config.source, "new.mp3").write_bytes(b"later")
    second, resumed = planned(config)
    assert resumed
    assert second == first


def test_credentials_without_access_stop_it_before_anything_is_planned(
    moto_s3: S3Server, bucket: str, config: ScoreConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(config.source, "all.csv")
    file.write_text("\n".join(["uri", *(f"s3://{bucket}/{number}" for number in range(400))]))
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.follow(Rule(Fault.DENIED, "HEAD"))
        with pytest.raises(UserError, match="stopped: no permission to read 7 consecutive tracks"):
            planned(config.model_copy(update={"source": str(file), "max_denied_in_a_row": 7}))
        assert len(proxy.seen) < 200
    assert not Path(config.output).exists()


def with_bundle(config: ScoreConfig, **changes: object) -> ScoreConfig:
    """The same settings with a bundle of its own, whose thresholds differ from those of the shipped one."""
    folder = Path(config.output).parent / "bundle"
    if not folder.exists():
        shutil.copytree(Path(bundle_module.__file__).parent / "bundles" / "default", folder)
        manifest = folder / bundle_module.MANIFEST_FILE
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"thresholds": {"disco": 1.0}}))
    return config.model_copy(update={"bundle": str(folder), **changes})


@pytest.mark.parametrize("verb", [planned, pipeline.plan])
def test_an_unfinished_run_with_another_bundle_is_not_ignored(
    config: ScoreConfig, verb: Callable[[ScoreConfig], object]
) -> None:
    first, _ = planned(config)
    other = with_bundle(config)
    with pytest.raises(UsageError) as refused:
        verb(other)
    assert f"run {first.run_id} over {config.source} is unfinished" in str(refused.value)
    assert f"model {first.model_id} (now {scoring_job(other).model_id})" in str(refused.value)
    assert f"bundle default (now {other.bundle})" in str(refused.value)
    assert str(refused.value).endswith("; the bundles differ in thresholds")
    assert "librosa" not in str(refused.value)
    for way_on in ("--set bundle=default", f"--unfinished {first.run_id} --delete", "beside_unfinished=true"):
        assert way_on in refused.value.hint
    assert planned(config) == (first, True)


@pytest.mark.parametrize("name", ["min_precision", "min_in_scope"])
@pytest.mark.parametrize(("before", "now"), [(None, 0.9), (0.8, 0.9), (0.8, None)])
def test_an_unfinished_run_with_another_precision_is_finished_with_its_own(
    config: ScoreConfig, name: str, before: float | None, now: float | None
) -> None:
    first_settings = config.model_copy(update={name: before})
    first, _ = planned(first_settings)
    with pytest.raises(UsageError) as refused:
        planned(config.model_copy(update={name: now}))
    way_on = "null" if before is None else str(before)
    assert f"run {first.run_id} over {config.source} is unfinished" in str(refused.value)
    assert f"{name} {way_on}" in str(refused.value)
    assert f"--set {name}={way_on}" in refused.value.hint
    assert "--set bundle" not in refused.value.hint
    assert planned(first_settings) == (first, True)


def test_a_run_with_another_bundle_may_be_allowed_beside_it(config: ScoreConfig) -> None:
    first, _ = planned(config)
    second, resumed = planned(with_bundle(config, beside_unfinished=True))
    assert not resumed
    assert planned(with_bundle(config)) == (second, True)
    assert planned(config) == (first, True)


def test_a_run_that_was_given_up_blocks_nothing(config: ScoreConfig) -> None:
    first, _ = planned(config)
    collect_garbage(GcConfig(output=config.output, delete=True, unfinished=first.run_id))
    second, resumed = planned(with_bundle(config))
    assert (resumed, second.model_id == first.model_id) == (False, False)


def test_features_do_not_wait_for_scores(config: ScoreConfig) -> None:
    planned(config)
    settings = load(FeaturesConfig, None, (), {"source": config.source, "output": config.output})
    plan, resumed = resume_or_plan(settings, features_job(settings), LocalStore())
    assert (plan.answers, resumed) == ("features", False)


def test_a_table_inside_its_own_catalog_is_not_taken_for_music(config: ScoreConfig) -> None:
    inside = config.model_copy(update={"output": f"{config.source}/genres"})
    table = Path(inside.output, "scores", "model=m", "dt=2026-11-21")
    table.mkdir(parents=True)
    (table / "part.parquet").write_bytes(b"PAR1")
    assert planned(inside)[0].listed == 2


@pytest.mark.parametrize("where", ["{source}", "{source}/.."])
def test_an_output_at_or_above_the_source_hides_no_music(config: ScoreConfig, where: str) -> None:
    output = str(Path(where.format(source=config.source)).resolve())
    assert planned(config.model_copy(update={"output": output}))[0].listed == 2


def test_a_source_that_holds_nothing_but_a_table_has_no_track(config: ScoreConfig) -> None:
    own = Path(config.output, "_runs", "x")
    own.mkdir(parents=True)
    (own / "plan.json").write_bytes(b"{}")
    with pytest.raises(UserError, match="no track"):
        planned(config.model_copy(update={"source": config.output}))


def test_a_slash_at_the_end_of_the_source_makes_no_other_run(config: ScoreConfig) -> None:
    first, _ = planned(config)
    assert planned(config.model_copy(update={"source": f"{config.source}/"})) == (first, True)


def test_a_source_without_a_track_is_reported_and_nothing_is_written(config: ScoreConfig, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no track"):
        planned(config.model_copy(update={"source": str(tmp_path / "empty")}))
    assert not Path(config.output).exists()


def test_shards_are_as_large_as_the_settings_say_or_the_catalog_suggests(config: ScoreConfig) -> None:
    job = scoring_job(config)
    assert planned(config)[0].shard_tracks == part_plan(config, job, 2).shard_tracks == 1024
    assert part_plan(config, job, 10**8).shard_tracks == 524_288
    assert part_plan(config.model_copy(update={"shard_tracks": 7}), job, 10**8).shard_tracks == 7


def test_large_shards_are_done_in_parts(config: ScoreConfig) -> None:
    assert planned(config)[0].part_tracks == 16_384
    smaller = config.model_copy(update={"part_tracks": 5, "output": f"{config.output}-2"})
    assert planned(smaller)[0].part_tracks == 5
