"""The verbs that run the job: `init`, `index`, `score`, `features` and `demo`."""

from typing import Annotated

import typer

from genre_batch.cli.arguments import TABLE, ConfigFile, JsonFlag, Output, Overrides, Source
from genre_batch.cli.verb import verb
from genre_batch.notices import say, waiting_for
from genre_batch.terminal import print_outcome, print_report
from genre_batch.training.recipe_files import recipe_names


def reject_reasons() -> list[str]:
    """The reasons that `--retry` takes."""
    from genre_batch.catalog.reject import RejectReason

    return [str(reason) for reason in RejectReason]


Retry = Annotated[
    list[str] | None,
    typer.Option(
        "--retry",
        metavar="REASON",
        help="Try again the tracks rejected for this reason.",
        autocompletion=reject_reasons,
    ),
]
Plan = Annotated[bool, typer.Option("--plan", help="Say what would be done, and write no table.")]
_LOADING = "loading Ray and the libraries of the model"


@verb
def init_verb(
    source: Source = None,
    output: Output = None,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="The file to write.")] = "score.yaml",
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Write a config file for `score` in which a comment explains each setting."""
    from genre_batch.config import ScoreConfig, load
    from genre_batch.settings.first_config import write_first_config

    settings = load(ScoreConfig, None, overrides or (), {"source": source, "output": output}, names=TABLE)
    print_report(write_first_config(settings, file), json=json)


@verb
def index_verb(
    source: Source = None,
    output: Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="SOURCE is a labelled corpus: list its genres too.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write the frozen listing of SOURCE, sorted and without duplicates, to OUTPUT."""
    from genre_batch.config import load
    from genre_batch.run.indexing import IndexConfig, index_catalog

    changes = [*(overrides or ()), *(["labelled=true"] if labelled else [])]
    settings = load(IndexConfig, config, changes, {"source": source, "output": output}, names=TABLE)
    print_report(index_catalog(settings), json=json)


@verb
def score_verb(
    source: Source = None,
    output: Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    retry: Retry = None,
    plan: Plan = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Serve the result if the rules of `publish` allow it.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write a genre and a confidence for every track of SOURCE to OUTPUT; a second run scores only what is new."""
    with waiting_for(_LOADING):
        from genre_batch import pipeline
        from genre_batch.config import ScoreConfig, load

    arguments = {"source": source, "output": output, "retry": retry or None}
    settings = load(ScoreConfig, config, overrides or (), arguments, names=TABLE)
    if publish and settings.publish is None:
        settings = load(ScoreConfig, config, [*(overrides or ()), "publish=true"], arguments, names=TABLE)
    if plan:
        print_report(pipeline.plan_each(settings) if settings.bundles else pipeline.plan(settings), json=json)
        return
    report = pipeline.score_each(settings) if settings.bundles else pipeline.score(settings)
    print_outcome(report, json=json)
    if settings.publish is not None and report.left:
        say("not published: the run is not finished")
    elif settings.publish is not None:
        from genre_batch.publish.publishing import PublishConfig
        from genre_batch.publish.publishing import publish as publish_output

        published = publish_output(PublishConfig.model_validate({**dict(settings.publish), "output": settings.output}))
        say(published.summary())
        published.require()


@verb
def doctor_verb(
    source: Source = None,
    output: Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Check what `score` would need: credentials, source, output, region, bundle and cluster; say how to fix it."""
    with waiting_for(_LOADING):
        from genre_batch.config import ScoreConfig, load
        from genre_batch.run.doctor import doctor

    settings = load(ScoreConfig, config, overrides or (), {"source": source, "output": output}, names=TABLE)
    report = doctor(settings)
    print_report(report, json=json)
    report.require()


@verb
def features_verb(
    source: Source = None,
    output: Output = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help="A name (see `recipes`), a file of train settings, or a bundle.",
            autocompletion=recipe_names,
        ),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    retry: Retry = None,
    plan: Plan = False,
    json: JsonFlag = False,
) -> None:
    """Write the descriptors of every track of SOURCE to OUTPUT, without predicting a genre."""
    with waiting_for(_LOADING):
        from genre_batch import pipeline
        from genre_batch.config import FeaturesConfig, load

    arguments = {"source": source, "output": output, "recipe": recipe, "retry": retry or None}
    settings = load(FeaturesConfig, config, overrides or (), arguments, names=TABLE)
    if plan:
        print_report(pipeline.plan(settings), json=json)
    else:
        print_outcome(pipeline.features(settings), json=json)


@verb
def demo_verb(
    catalog: Annotated[
        str | None, typer.Option("--catalog", metavar="SOURCE", help="Your own music instead of the sample catalog.")
    ] = None,
    output: Annotated[str | None, typer.Option("--output", metavar="OUTPUT", help="Where the table goes.")] = None,
) -> None:
    """Run the whole job once on this machine, on a synthesised catalog in a local S3 or on your own music."""
    with waiting_for(_LOADING):
        from genre_batch.demo.demo import run_demo

    run_demo(catalog or None, output or None)
