"""The verbs that take care of outputs and settings: `verify`, `gc` and `schema`."""

from typing import Annotated

import typer

from genre_batch.cli.arguments import TABLE, ConfigFile, JsonFlag, Output, Overrides
from genre_batch.cli.verb import verb
from genre_batch.cli.verb_settings import VERBS, settings_of
from genre_batch.errors import DamageFound
from genre_batch.notices import waiting_for
from genre_batch.terminal import print_report
from genre_batch.wording import plural


@verb
def verify_verb(
    output: Output = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Check only this run.")] = None,
    etags: Annotated[bool, typer.Option("--etags", help="Report which objects of the source have changed.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Move damaged files away and redo what is missing.")] = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Check every file, row and record of OUTPUT; exit code 4 if something is not as it was written."""
    from genre_batch.config import load
    from genre_batch.verify.verify_config import VerifyConfig

    flags = [f"{name}=true" for name, on in (("etags", etags), ("repair", repair)) if on]
    arguments = {"output": output, "run_id": run}
    settings = load(VerifyConfig, config, [*flags, *(overrides or ())], arguments, names=TABLE)
    with waiting_for("reading every file that was committed"):
        if settings.repair:
            from genre_batch.verify.repair import verify_and_repair as run_verify
        else:  # needs no Ray, which a repair starts to score tracks again
            from genre_batch.verify.verification import verify as run_verify
        report = run_verify(settings)
    print_report(report, json=json)
    if report.damage:
        hint = "some of it cannot be repaired: see above" if settings.repair else "--repair repairs what it can"
        raise DamageFound(f"{settings.output} is damaged ({plural(report.damage, 'finding')})", hint)


@verb
def gc_verb(
    output: Output = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove what is listed.")] = False,
    unfinished: Annotated[
        str | None, typer.Option("--unfinished", metavar="RUN_ID", help="Give up this unfinished run.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """List what is in OUTPUT but belongs to no run, finished or unfinished."""
    from genre_batch.config import load
    from genre_batch.verify.gc import collect_garbage
    from genre_batch.verify.verify_config import GcConfig

    flags = ["delete=true"] if delete else []
    arguments = {"output": output, "unfinished": unfinished}
    settings = load(GcConfig, config, [*flags, *(overrides or ())], arguments, names=TABLE)
    with waiting_for("comparing the files of the output with its runs"):
        report = collect_garbage(settings)
    print_report(report, json=json)


@verb
def schema_verb(
    name: Annotated[
        str, typer.Argument(metavar="VERB", help=f"One of {', '.join(VERBS)}.", autocompletion=lambda: list(VERBS))
    ],
) -> None:
    """Print the JSON schema of VERB's config file, with which an editor checks and completes it."""
    from genre_batch.settings.json_schema import schema_text

    typer.echo(schema_text(settings_of(name)))
