"""`report`: the page of a run, or of one track."""

from genre_batch.config import ReportConfig
from genre_batch.evaluation.page_file import WrittenPage, check_page, write_page
from genre_batch.evaluation.track_answer import hear
from genre_batch.evaluation.track_page import track_page
from genre_batch.model.bundle import load_bundle
from genre_batch.run.table_page import read_run, table_page


def write_report(settings: ReportConfig) -> WrittenPage:
    """Write the page that the settings ask for; nothing is written where that fails.

    Raises UsageError where there is nothing to report on or the page cannot be written, DamageFound where the run's
    files are not what its manifest says.
    """
    check_page(settings.output)
    return write_page(settings.output, _page(settings))


def _page(settings: ReportConfig) -> str:
    if settings.track:
        bundle = load_bundle(settings.bundle)
        return track_page(hear(settings.track, bundle), bundle.model_id)
    assert settings.source
    return table_page(read_run(settings.source, settings.run_id))
