"""The verbs that show what the runs of an output do, and decide what is served: `status` and `publish`."""

from typing import Annotated

import typer

from genre_batch.cli.arguments import TABLE, ConfigFile, JsonFlag, Output, Overrides
from genre_batch.cli.verb import verb
from genre_batch.notices import waiting_for
from genre_batch.terminal import print_report


@verb
def status_verb(
    output: Output = None, config: ConfigFile = None, overrides: Overrides = None, json: JsonFlag = False
) -> None:
    """Show what the runs of OUTPUT are doing: state, progress, where they run, what is served."""
    from genre_batch.config import load
    from genre_batch.run.status import StatusConfig, status

    settings = load(StatusConfig, config, overrides or (), {"output": output}, names=TABLE)
    with waiting_for("reading the records of the runs"):
        report = status(settings)
    print_report(report, json=json)


@verb
def publish_verb(
    output: Output = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Serve this model from now on.")] = None,
    taxonomy: Annotated[
        str | None, typer.Option("--map", metavar="CSV", help="Map the labels in serving/ to others, or none.")
    ] = None,
    iceberg: Annotated[
        str | None, typer.Option("--iceberg", metavar="TABLE", help="Keep CATALOG.NAMESPACE.TABLE up to date.")
    ] = None,
    delta: Annotated[bool, typer.Option("--delta", help="Keep a Delta table in serving/ up to date.")] = False,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="RUN_ID", help="Withhold this new run. Repeatable.")
    ] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Serve again what was served before.")] = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Serve the runs that have finished since the last time, if the rules allow it (exit code 3 if not)."""
    from genre_batch.config import load
    from genre_batch.publish.publishing import PublishConfig, publish

    flags = [f"{name}=true" for name, is_set in (("rollback", rollback), ("delta", delta)) if is_set]
    arguments = {"output": output, "model": model, "taxonomy": taxonomy, "iceberg": iceberg, "without": without or None}
    settings = load(PublishConfig, config, [*flags, *(overrides or ())], arguments, names=TABLE)
    with waiting_for("comparing the new runs with what is served"):
        report = publish(settings)
    print_report(report, json=json)
    report.require()
