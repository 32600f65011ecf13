"""Which run it is: a new one, an unfinished one, or none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.catalog.listing import Listing
from genre_batch.config import FeaturesConfig, GcConfig, ScoreConfig, load
from genre_batch.errors import UsageError, UserError
from genre_batch.model import bundle as bundle_module
from genre_batch.run.job import features_job, scoring_job
from genre_batch.run.planning import listing_folder, parts_of, resume_or_plan
from genre_batch.run.preview import preview
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.clearing import clear


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
    listed = list(Listing(LocalStore(), listing_folder(config.output, plan.run_id)))
    assert [track.uri for track in listed] == [f"{config.source}/b.mp3", f"{config.source}/shelf/a.mp3"]
    kept = Path(config.output, "_runs", plan.run_id, "config.yaml")
    assert load(ScoreConfig, str(kept)) == config


def test_an_unfinished_run_is_resumed_as_it_was_planned(config: ScoreConfig) -> None:
    first, _ = planned(config)
    Path(config.source, "new.mp3").write_bytes(b"later")
    second, resumed = planned(config)
    assert resumed
    assert second == first


def test_credentials_that_open_nothing_are_told_before_anything_is_planned(
    moto_s3: S3Server, bucket: str, config: ScoreConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(config.source, "all.csv")
    file.write_text("\n".join(["uri", *(f"s3://{bucket}/{number}" for number in range(400))]))
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.follow(Rule(Fault.DENIED, "HEAD"))
        with pytest.raises(UserError, match="stopped: 7 tracks in a row may not be read"):
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


@pytest.mark.parametrize("verb", [planned, lambda config: preview(config, scoring_job(config))])
def test_an_unfinished_run_is_not_passed_over_with_another_bundle(
    config: ScoreConfig, verb: Callable[[ScoreConfig], object]
) -> None:
    first, _ = planned(config)
    other = with_bundle(config)
    with pytest.raises(UsageError) as refused:
        verb(other)
    assert f"run {first.run_id} over {config.source} is unfinished" in str(refused.value)
    assert f"model {first.model_id} (here {scoring_job(other).model_id})" in str(refused.value)
    assert f"bundle default (here {other.bundle})" in str(refused.value)
    assert str(refused.value).endswith("; the bundles differ in thresholds")
    assert "librosa" not in str(refused.value)
    for way_on in ("--set bundle=default", f"--unfinished {first.run_id} --delete", "beside_unfinished=true"):
        assert way_on in refused.value.hint
    assert planned(config) == (first, True)


def test_a_run_with_another_bundle_may_be_allowed_beside_it(config: ScoreConfig) -> None:
    first, _ = planned(config)
    second, resumed = planned(with_bundle(config, beside_unfinished=True))
    assert not resumed
    assert planned(with_bundle(config)) == (second, True)
    assert planned(config) == (first, True)


def test_a_run_that_was_given_up_stands_in_nobodys_way(config: ScoreConfig) -> None:
    first, _ = planned(config)
    clear(GcConfig(output=config.output, delete=True, unfinished=first.run_id))
    second, resumed = planned(with_bundle(config))
    assert (resumed, second.model_id == first.model_id) == (False, False)


def test_features_do_not_wait_for_scores(config: ScoreConfig) -> None:
    planned(config)
    settings = load(FeaturesConfig, None, (), {"source": config.source, "output": config.output})
    plan, resumed = resume_or_plan(settings, features_job(settings), LocalStore())
    assert (plan.answers, resumed) == ("features", False)


def test_the_preview_tells_of_an_unfinished_run_and_writes_nothing(config: ScoreConfig) -> None:
    before = preview(config, scoring_job(config))
    assert (before.resumes, before.tracks, before.shards) == (None, 2, 1)
    assert not Path(config.output).exists()
    plan, _ = planned(config)
    written = sorted(Path(config.output).rglob("*"))
    after = preview(config, scoring_job(config))
    assert (after.resumes, after.tracks) == (plan.run_id, 2)
    assert before.forecast is not None
    assert after.forecast is not None
    assert before.forecast.tracks == after.forecast.tracks == after.forecast.probed == 2
    assert plan.run_id in after.summary()
    assert sorted(Path(config.output).rglob("*")) == written


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


def test_a_source_without_a_track_is_told_and_nothing_is_written(config: ScoreConfig, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no track"):
        planned(config.model_copy(update={"source": str(tmp_path / "empty")}))
    assert not Path(config.output).exists()


def test_shards_are_as_large_as_the_settings_say_or_the_catalog_suggests(config: ScoreConfig) -> None:
    job = scoring_job(config)
    assert planned(config)[0].shard_tracks == parts_of(config, job, 2).shard_tracks == 1024
    assert parts_of(config, job, 10**8).shard_tracks == 524_288
    assert parts_of(config.model_copy(update={"shard_tracks": 7}), job, 10**8).shard_tracks == 7


def test_large_shards_are_done_in_parts(config: ScoreConfig) -> None:
    assert planned(config)[0].part_tracks == 16_384
    smaller = config.model_copy(update={"part_tracks": 5, "output": f"{config.output}-2"})
    assert planned(smaller)[0].part_tracks == 5
