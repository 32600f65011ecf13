"""The page of a comparison of two models: their answers by one another, confidences and examples of flips."""

from genre_batch.notices import waiting_for
from genre_batch.readers.compare import ABSTAINED, CompareConfig, Comparison, compare
from genre_batch.reports.page import check_page, render_page, write_page


def compare_page(found: Comparison) -> str:
    """The comparison as one self-contained HTML page. Raises UsageError if the libraries of `report` are missing."""
    answers, counts = found.matrix()
    names = [ABSTAINED if answer is None else answer for answer in answers]
    rows = [(name, sum(row), row) for name, row in zip(names, counts, strict=True)]
    return render_page("compare.html.j2", found=found, names=names, rows=rows)


def compare_and_write(config: CompareConfig) -> Comparison:
    """Compare two models, and write the page if the settings name one.

    Raises what `compare` raises, and UsageError if the page cannot be written.
    """
    if config.html:
        check_page(config.html)
    with waiting_for("reading the answers of both models"):
        found = compare(config)
    if config.html:
        write_page(config.html, compare_page(found))
    return found
