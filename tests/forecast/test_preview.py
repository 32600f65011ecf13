"""What `--plan` finds out about the next run, and how it reports it."""

from functools import partial
from pathlib import Path

import pytest
import ray
from audio_samples import chirp, encode

from genre_batch.catalog import source
from genre_batch.catalog.catalog_file import tracks_of
from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.config import ScoreConfig, load
from genre_batch.forecast.forecast import Forecast
from genre_batch.forecast.preview import PlanReport, preview
from genre_batch.pipeline import score_flow
from genre_batch.run.jobs import scoring_job
from genre_batch.run.planning import resume_or_plan
from genre_batch.sink.layout import listing_folder
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import RejectedTrack
from genre_batch.storage.local import LocalStore

PLAN = PlanReport(
    output="out",
    model_id="short-cnn-1",
    resumes=None,
    listed=12_345,
    skipped=345,
    tracks=12_000,
    size_bytes=48_000_000,
    shards=12,
)


def test_it_says_how_much_is_left_to_do_and_that_no_table_was_written() -> None:
    assert PLAN.summary().splitlines() == [
        "12,345 tracks listed, 345 done by earlier runs, 12,000 to do",
        "48 MB in 12 shards, with short-cnn-1",
        "output: out; no table was written",
    ]


def test_one_track_in_one_shard_is_singular() -> None:
    small = PLAN.model_copy(update={"listed": 1, "skipped": 0, "tracks": 1, "size_bytes": 1200, "shards": 1})
    assert small.summary().splitlines()[:2] == [
        "1 track listed, 0 done by earlier runs, 1 to do",
        "1.2 kB in 1 shard, with short-cnn-1",
    ]


@pytest.mark.parametrize(("resumes", "said"), [(None, False), ("20260101T000000Z-abc123", True)])
def test_an_unfinished_run_is_named(resumes: str | None, said: bool) -> None:
    summary = PLAN.model_copy(update={"resumes": resumes}).summary()
    assert ("would be resumed" in summary) == said


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Five tracks of 2 s in three formats."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, encoding in enumerate(["wav", "flac", "wav", "mp3", "wav"]):
        (folder / f"{number}.{encoding}").write_bytes(encode(chirp(2.0, seed=number), 44_100, encoding))
    return folder


def settings(catalog: Path, *overrides: str) -> ScoreConfig:
    places = {"source": str(catalog), "output": str(catalog.parent / "out")}
    return load(ScoreConfig, None, ("shard_tracks=2", *overrides), places)


def previewed(config: ScoreConfig) -> PlanReport:
    job = scoring_job(config)
    return preview([job], lambda _: partial(score_flow, job.config)).plans[0]


def started_run(config: ScoreConfig) -> RunPlan:
    """An unfinished run whose first shard is committed, with both tracks rejected."""
    plan, _ = resume_or_plan(config, scoring_job(config), LocalStore())
    tracks = Listing(LocalStore(), listing_folder(config.output, plan.run_id)).rows(0, 2)
    reject = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")
    Ledger(LocalStore(), config.output, plan).commit(0, [], [RejectedTrack(track, reject, 1) for track in tracks])
    return plan


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_preview_of_a_new_run_counts_its_tracks_and_writes_nothing(catalog: Path) -> None:
    config = settings(catalog, "forecast.tracks=0")
    before = files_below(catalog.parent)
    assert previewed(config) == PlanReport(
        output=config.output,
        model_id=scoring_job(config).model_id,
        resumes=None,
        listed=5,
        skipped=0,
        tracks=5,
        size_bytes=sum(path.stat().st_size for path in catalog.iterdir()),
        shards=3,
        placement="the model runs in actors of its own: all actors are on this machine",
    )
    assert files_below(catalog.parent) == before


def test_the_preview_of_a_resumed_run_is_that_of_its_plan_and_changes_nothing(catalog: Path) -> None:
    config = settings(catalog, "forecast.tracks=0")
    plan = started_run(config)
    (catalog / "new.wav").write_bytes(b"added after the run was planned")
    before = files_below(catalog.parent)
    report = previewed(config.model_copy(update={"shard_tracks": 4}))
    assert (report.resumes, report.listed, report.skipped, report.tracks) == (plan.run_id, 5, 0, 5)
    assert report.kept == 2
    assert report.summary().splitlines()[0] == "5 tracks listed, 0 done by earlier runs, 3 to do"
    assert f"run {plan.run_id} is unfinished and would be resumed: 2 of its 5 tracks would be kept" in report.summary()
    assert (report.size_bytes, report.shards) == (plan.size_bytes, 3)
    assert files_below(catalog.parent) == before


def test_the_forecast_covers_the_tracks_without_an_outcome(catalog: Path) -> None:
    config = settings(catalog, "forecast.tracks=2")
    new = previewed(config).forecast
    assert new is not None
    assert (new.tracks, new.money) == (5, None)
    # two of three WAV files, and the only file of each other format
    assert new.probed == 4
    started_run(config)
    (catalog / "new.wav").write_bytes(b"added after the run was planned")
    resumed = previewed(config).forecast
    assert resumed is not None
    assert resumed.tracks == 3
    # three files for each of three and of two shards; only the new run has to list the catalog
    assert (new.writes, resumed.writes) == (10, 6)


def test_the_forecast_is_priced_and_kept_in_the_file_that_the_settings_name(catalog: Path) -> None:
    prices, kept = catalog.parent / "prices.yaml", catalog.parent / "forecast.json"
    prices.write_text("currency: EUR\ncore_hour: 1000.0\n")
    report = previewed(settings(catalog, "forecast.tracks=1", f"forecast.prices={prices}", f"forecast.file={kept}"))
    assert report.forecast is not None
    assert report.forecast.money is not None
    assert report.forecast.money.mean >= 1000 * report.forecast.core_hours.mean > 0
    assert Forecast.model_validate_json(kept.read_bytes()) == report.forecast
    assert "EUR" in report.summary()
    assert not (catalog.parent / "out").exists()


@pytest.mark.slow
def test_the_objects_of_a_large_catalog_file_are_looked_up_on_the_cluster(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process would take hours for ten million of them, and `--plan` is what a backfill begins with."""
    monkeypatch.setattr(source, "tracks_of", partial(tracks_of, few_rows=1))
    listed = catalog.parent / "catalog.csv"
    listed.write_text("".join(f"{line}\n" for line in ("uri", *sorted(map(str, catalog.iterdir())))))
    report = previewed(settings(catalog, f"source={listed}", "forecast.tracks=0"))
    assert (report.tracks, report.size_bytes) == (5, sum(path.stat().st_size for path in catalog.iterdir()))
    assert "looking up the objects of a large catalog file" in capsys.readouterr().err
    assert not ray.is_initialized()
