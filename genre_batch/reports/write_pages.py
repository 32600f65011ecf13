"""The verbs that write a page: `report`, of a catalog, a run or a track, and `evaluate --html`."""

from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from genre_batch.errors import UsageError
from genre_batch.evaluation.report import EvaluateConfig, EvaluationReport, evaluate
from genre_batch.model.bundle import DEFAULT_BUNDLE, BundleLocation, load_bundle
from genre_batch.notices import waiting_for
from genre_batch.reports.catalog_page import catalog_page
from genre_batch.reports.catalog_report import CatalogReport, read_catalog
from genre_batch.reports.evaluation_page import evaluation_page
from genre_batch.reports.page import WrittenPage, check_page, write_page
from genre_batch.reports.run_page import read_run_table, run_page
from genre_batch.reports.track_page import hear, track_page
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.open_store import UriOrPath
from genre_batch.storage.uri import local_path


class ReportConfig(BaseModel):
    """Settings of `genre-batch report`, which writes the page of a catalog, of a run or of one track to `output`.

    source: the output of `genre-batch score`. run_id: one of its runs instead of the whole catalog. track: the track to
    draw instead, with the answer of `bundle`. model: whose answers; null for the model that is served. run_pages: how
    many of the newest runs also get a page, linked with that of the catalog. output: the file; for a catalog it may
    be null, and no page is written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: UriOrPath | None = None
    run_id: RunId | None = None
    track: UriOrPath | None = None
    bundle: BundleLocation = DEFAULT_BUNDLE
    model: str | None = None
    run_pages: NonNegativeInt = 0
    output: UriOrPath | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.source is None) == (self.track is None):
            given = "neither a catalog nor a track" if self.source is None else "both a catalog and a track"
            raise UsageError(f"{given} to report on", "genre-batch report OUTPUT FILE, or --track TRACK FILE")
        if self.output is None and (self.track or self.run_id or self.run_pages):
            raise UsageError("there is no FILE for the page", "add its name, for example report.html")
        return self


def write_report(config: ReportConfig) -> WrittenPage | CatalogReport:
    """Write the page of a catalog, a run or a track; nothing is written if that fails.

    Raises UsageError if there is nothing to report on or a page cannot be written, DamageFound if a run's files do not
    match its manifest.
    """
    if config.output:
        check_page(config.output)
    if config.track:
        assert config.output
        with waiting_for("decoding the track and asking the model"):
            bundle = load_bundle(config.bundle)
            heard = hear(config.track, bundle)
        with waiting_for("drawing the figures of the track"):
            return write_page(config.output, track_page(heard, bundle.model_id))
    assert config.source
    if config.run_id:
        assert config.output
        with waiting_for("reading the table of the run and drawing its figures"):
            return write_page(config.output, run_page(read_run_table(config.source, config.run_id)))
    with waiting_for("reading the table"):
        report = read_catalog(config.source, config.model)
    return _write_catalog(config, report) if config.output else report


def _write_catalog(config: ReportConfig, report: CatalogReport) -> CatalogReport:
    assert config.output
    page = Path(local_path(config.output))
    newest = [run.run_id for run in report.runs if run.finished][::-1][: config.run_pages]
    links = {run_id: f"{page.stem}-{run_id}.html" for run_id in newest}
    with waiting_for("drawing the figures"):
        for run_id, name in links.items():
            table = read_run_table(report.output, run_id)
            write_page(str(page.with_name(name)), run_page(table, catalog=quote(page.name)))
        relative = {run_id: quote(name) for run_id, name in links.items()}
        written = write_page(config.output, catalog_page(report, relative))
    return report.model_copy(update={"page": written.page})


def evaluate_and_write(config: EvaluateConfig) -> EvaluationReport:
    """Evaluate the bundle, and write the page if the settings name one. Raises UsageError as `evaluate` does."""
    if config.html:
        check_page(config.html)
    report = evaluate(
        config.bundle,
        config.source,
        config.min_precision,
        config.genre_map,
        config.min_in_scope,
        config.taxonomy,
        parents=config.parents,
    )
    if config.html:
        with waiting_for("drawing the figures of the evaluation"):
            write_page(config.html, evaluation_page(report))
    return report
