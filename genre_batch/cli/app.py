"""The command line: which verbs there are, in which groups, and the options of the program itself."""

from collections.abc import Callable
from typing import Annotated

import typer

from genre_batch.cli import care_verbs, model_verbs, output_verbs, read_verbs, run_verbs
from genre_batch.cli.verb import Group, LogFormat, Quiet, VerbCommand, Verbose, choose_log_format
from genre_batch.notices import set_volume
from genre_batch.terminal import exit_on_error

# Each verb imports what it needs when it is called, so that --help does not wait for Ray and torch.

app = typer.Typer(
    name="genre-batch",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

VERBS: dict[str, dict[str, Callable[..., None]]] = {
    "Run": {
        "init": run_verbs.init_verb,
        "index": run_verbs.index_verb,
        "doctor": run_verbs.doctor_verb,
        "score": run_verbs.score_verb,
        "features": run_verbs.features_verb,
        "demo": run_verbs.demo_verb,
    },
    "Read": {
        "show": read_verbs.show_verb,
        "report": read_verbs.report_verb,
        "compare": read_verbs.compare_verb,
        "similar": read_verbs.similar_verb,
        "sql": read_verbs.sql_verb,
    },
    "Models": {
        "recipes": model_verbs.recipes_verb,
        "train": model_verbs.train_verb,
        "adopt": model_verbs.adopt_verb,
        "canaries": model_verbs.canaries_verb,
        "evaluate": model_verbs.evaluate_verb,
    },
    "Serve": {"status": output_verbs.status_verb, "publish": output_verbs.publish_verb},
    "Care": {"verify": care_verbs.verify_verb, "gc": care_verbs.gc_verb, "schema": care_verbs.schema_verb},
}
"""The verbs by group, in the order of the help."""

for group, verbs in VERBS.items():
    for name, function in verbs.items():
        app.command(name, cls=VerbCommand, rich_help_panel=group)(function)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"genre-batch {version('genre-batch')}")
        raise typer.Exit


@app.callback()
def program(
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogFormat = None,
    _version: Annotated[
        bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A genre, with an honest confidence, for every track of a catalog."""
    set_volume(quiet=quiet, verbose=verbose)
    if log_format is not None:
        with exit_on_error():
            choose_log_format(log_format)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the exit code of the verb."""
    # `python -m genre_batch` and the jobs call themselves by the same name, in help and for completion
    app(args=arguments, prog_name="genre-batch")
