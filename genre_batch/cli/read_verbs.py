"""The verbs that read what a run wrote: `show`, `report`, `compare`, `similar` and `sql`."""

from typing import Annotated

import typer

from genre_batch.cli.arguments import TABLE, ConfigFile, JsonFlag, Output, Overrides
from genre_batch.cli.verb import verb
from genre_batch.notices import waiting_for
from genre_batch.terminal import print_report


@verb
def show_verb(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="The OUTPUT of score.")],
    genre: Annotated[
        str | None, typer.Option("--genre", metavar="GENRE", help="Only the tracks with this genre.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="The answers of this model, not of the served one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most N tracks; 0 shows all.")] = 20,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that selects them instead, as `sql` does.")] = False,
    json: JsonFlag = False,
) -> None:
    """Print the current answers, one for each track, the most confident first."""
    if sql:
        sql_verb(output, json=json)
        return
    with waiting_for("reading the table"):
        from genre_batch.readers.show import show

        shown = show(output, genre, limit, model)
    print_report(shown, json=json)


@verb
def report_verb(
    first: Annotated[
        str | None, typer.Argument(metavar="OUTPUT", help="The OUTPUT of score; omit with --track.")
    ] = None,
    second: Annotated[
        str | None, typer.Argument(metavar="FILE", help="The page to write; without it, figures are printed.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN_ID", help="Report on one run, not on the whole catalog.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option("--runs", metavar="N", help="Also write the pages of the newest N runs beside FILE.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="The answers of this model, not of the served one.")
    ] = None,
    track: Annotated[str | None, typer.Option("--track", metavar="TRACK", help="Report on one track instead.")] = None,
    bundle: Annotated[
        str | None, typer.Option("--bundle", metavar="BUNDLE", help="The bundle that answers the track.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Report on the catalog in OUTPUT, on one of its runs or on one track: figures, and a page with drawings."""
    with waiting_for("loading the libraries that draw"):
        from genre_batch.config import load
        from genre_batch.reports.write_pages import ReportConfig, write_report

    subject, file = (None, first) if track and second is None else (first, second)
    arguments = {"source": subject, "output": file, "track": track, "bundle": bundle, "run_id": run_id, "model": model}
    changes = [*(overrides or ()), *([] if runs is None else [f"run_pages={runs}"])]
    settings = load(ReportConfig, config, changes, arguments, names={"source": "OUTPUT", "output": "FILE"})
    print_report(write_report(settings), json=json)


@verb
def compare_verb(
    output: Output = None,
    model_a: Annotated[str | None, typer.Argument(metavar="MODEL_A", help="The name of a model in OUTPUT.")] = None,
    model_b: Annotated[str | None, typer.Argument(metavar="MODEL_B", help="The name of another one.")] = None,
    taxonomy: Annotated[
        str | None, typer.Option("--map", metavar="FILE", help="A CSV file: label, mapped and optionally parent.")
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Compare the answers of two models in OUTPUT: agreement, flips and confidence."""
    from genre_batch.config import load
    from genre_batch.readers.compare import CompareConfig
    from genre_batch.reports.compare_page import compare_and_write

    arguments = {"output": output, "model_a": model_a, "model_b": model_b, "taxonomy": taxonomy, "html": html}
    names = TABLE | {"model_a": "MODEL_A", "model_b": "MODEL_B"}
    settings = load(CompareConfig, config, overrides or (), arguments, names=names)
    print_report(compare_and_write(settings), json=json)


@verb
def similar_verb(
    output: Output = None,
    track: Annotated[str | None, typer.Argument(metavar="TRACK", help="The track_id of a track in OUTPUT.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Whose embeddings to compare; default: the served model's."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """List the tracks in OUTPUT that sound most like TRACK to the model."""
    from genre_batch.config import load
    from genre_batch.readers.similar import SimilarConfig, similar

    arguments = {"output": output, "track": track, "model": model}
    settings = load(SimilarConfig, config, overrides or (), arguments, names=TABLE | {"track": "TRACK"})
    with waiting_for("comparing the track with all others"):
        report = similar(settings)
    print_report(report, json=json)


@verb
def sql_verb(
    output: Output = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="ENGINE", help="duckdb (the default), spark, athena or trino.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="PREFIX", help="Prefix of table and view names; default genre_.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Print SQL that creates views of the current answers in OUTPUT."""
    from genre_batch.config import load
    from genre_batch.readers.sql_views import SqlConfig, sql_views

    arguments = {"output": output, "engine": engine, "prefix": prefix}
    settings = load(SqlConfig, config, overrides or (), arguments, names=TABLE)
    print_report(sql_views(settings), json=json)
