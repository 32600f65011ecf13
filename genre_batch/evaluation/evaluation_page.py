"""The page of an evaluation: its figures, and the pictures that explain them."""

from genre_batch.evaluation.page import picture, render, report_libraries
from genre_batch.evaluation.report import EvaluationReport


def evaluation_page(report: EvaluationReport) -> str:
    """One self-contained HTML page of the report. Raises UsageError where the libraries of `report` are missing."""
    with report_libraries():
        from genre_batch.evaluation.bundle_figures import confusion_matrix, learning_curves, reliability_diagram

    metrics = report.metrics
    drawable = any(values for name, values in report.curves.items() if not name.endswith("epoch"))
    pictures = {
        "confusion": picture(confusion_matrix(metrics.confusion_matrix, metrics.genres)),
        "reliability": picture(reliability_diagram(report.reliability_before, report.reliability_after)),
        "curves": picture(learning_curves(report.curves)) if drawable else None,
    }
    width = min(1000, 250 + 50 * len(metrics.genres))
    return render("evaluation.html.j2", report=report, metrics=metrics, pictures=pictures, matrix_width=width)
