"""The figures of a catalog are those that readers are served."""

from pathlib import Path

import pytest
from outputs import write_run
from reports.finished_catalog import NIGHTS, finished_catalog
from sink.shard_rows import make_plan

from genre_batch import table
from genre_batch.errors import UsageError
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.reports.catalog_report import CatalogReport, read_catalog
from genre_batch.sink.finish import finish
from genre_batch.storage.local import LocalStore


def test_it_shows_what_is_published(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    report = read_catalog(str(tmp_path))
    rows = table.latest(str(tmp_path))
    assert (report.serving, report.step, report.answered) == ("published", 1, len(rows))
    assert report.abstained == rows["abstained"].sum()
    assert {each.genre: each.tracks for each in report.genres} == rows["genre"].value_counts().to_dict()
    assert sum(each.share for each in report.genres) == pytest.approx(1.0)
    assert {each.reason: each.tracks for each in report.rejects} == {"corrupt": 12, "gone": 1}
    assert report.coverage == pytest.approx(len(rows) / (len(rows) + 13))
    assert report.waiting == 1000
    assert [run.published for run in report.runs] == [True] * (NIGHTS - 1) + [False, False]
    assert report.drift is not None
    assert report.drift.run_id == plans[-1].run_id
    assert report.canaries is not None
    assert report.canaries.changes()
    assert [(model.model_id, model.runs, model.published) for model in report.models] == [("mel-cnn-1", NIGHTS, True)]
    assert CatalogReport.model_validate_json(report.model_dump_json()) == report
    for words in ("mel-cnn-1, published", "corrupt", "drift of run", "canary pulse.mp3", "6 runs of 1 model"):
        assert words in report.summary()


def test_without_a_publication_it_shows_the_latest_model_or_the_one_asked_for(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    write_run(store, output, 0, {("a", "1"): "rock", ("b", "1"): "rock"})
    write_run(store, output, 1, {("a", "1"): "jazz"}, model_id="candidate", fingerprint="0" * 64)
    report = read_catalog(output)
    assert (report.serving, report.model_id, report.answered, report.drift) == ("latest", "candidate", 1, None)
    assert report.canaries is None
    assert read_catalog(output, "mel-cnn-1").answered == 2
    publish(PublishConfig(output=output, model="mel-cnn-1"))
    report = read_catalog(output)
    assert (report.serving, report.model_id) == ("published", "mel-cnn-1")
    assert [(model.model_id, model.published) for model in report.models] == [("candidate", False), ("mel-cnn-1", True)]
    assert read_catalog(output, "candidate").serving == "latest"


def test_what_cannot_be_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table"):
        read_catalog(str(tmp_path))
    finish(LocalStore(), str(tmp_path), make_plan(0, answers="features"), [])
    (tmp_path / "features" / "front_end=mel-cnn-1").mkdir(parents=True)
    with pytest.raises(UsageError, match="serves features, not scores"):
        read_catalog(str(tmp_path))
