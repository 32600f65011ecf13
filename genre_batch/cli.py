"""`genre-batch VERB`: settings in, report out. Data goes to stdout, everything else to stderr."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from genre_batch.errors import DamageFound
from genre_batch.terminal import show_plan, show_report, told

if TYPE_CHECKING:
    from genre_batch.training.dataset import Extract

# Each verb imports what it needs when it is called, so that --help does not wait for ray and torch.

app = typer.Typer(
    name="genre-batch",
    help="A genre, with an honest confidence, for every track of a catalog.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[
    str | None, typer.Argument(metavar="SOURCE", help="s3://bucket/prefix/, a folder, or a CSV/Parquet with `uri`.")
]
Output = Annotated[str | None, typer.Argument(metavar="OUTPUT", help="s3://bucket/prefix/ or a folder.")]
BundleFolder = Annotated[str | None, typer.Argument(metavar="OUTPUT", help="A new folder of this machine.")]
ConfigFile = Annotated[str | None, typer.Option("--config", metavar="FILE", help="YAML file with settings.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Change one setting.")]
Retry = Annotated[
    list[str] | None,
    typer.Option("--retry", metavar="REASON", help="Try tracks again that were rejected for this reason."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command()
def index(
    source: Source = None,
    output: Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    labelled: Annotated[bool, typer.Option("--labelled", help="SOURCE is a labelled corpus: list genres too.")] = False,
    json: Json = False,
) -> None:
    """Write the frozen listing of SOURCE, sorted and without duplicates, to OUTPUT."""
    with told():
        from genre_batch.config import IndexConfig, load
        from genre_batch.run.indexing import index_catalog

        changes = [*(overrides or ()), *(["labelled=true"] if labelled else [])]
        settings = load(IndexConfig, config, changes, {"source": source, "output": output})
        report = index_catalog(settings)
        typer.echo(report.model_dump_json() if json else report.summary())


@app.command()
def score(
    source: Source = None,
    output: Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    retry: Retry = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Write a genre and a confidence for every track of SOURCE to OUTPUT; a second run scores only what is new."""
    with told():
        from genre_batch.config import ScoreConfig, load

        arguments = {"source": source, "output": output, "retry": retry or None}
        settings = load(ScoreConfig, config, overrides or (), arguments)
        if plan:
            from genre_batch.run.job import scoring_job

            show_plan(settings, scoring_job(settings), json=json)
            return
        from genre_batch.pipeline import score as run_score

        show_report(run_score(settings), settings.max_reject_rate, json=json)


@app.command()
def features(
    source: Source = None,
    output: Output = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe, a file of train settings, or a bundle.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    retry: Retry = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Write the descriptors of every track of SOURCE to OUTPUT, without asking a model for a genre."""
    with told():
        from genre_batch.config import FeaturesConfig, load

        arguments = {"source": source, "output": output, "recipe": recipe, "retry": retry or None}
        settings = load(FeaturesConfig, config, overrides or (), arguments)
        if plan:
            from genre_batch.run.job import features_job

            show_plan(settings, features_job(settings), json=json)
            return
        from genre_batch.pipeline import features as run_features

        show_report(run_features(settings), settings.max_reject_rate, json=json)


@app.command()
def train(
    source: Source = None,
    output: BundleFolder = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Train a model bundle on the labelled tracks of SOURCE and write it to the folder OUTPUT."""
    with told():
        from genre_batch.config import load
        from genre_batch.training.train_config import TrainConfig
        from genre_batch.training.trainer import train as run_train

        settings = load(TrainConfig, config, overrides or (), {"source": source, "output": output})
        report = run_train(settings, _features_on_ray(settings.deadline_s))
        typer.echo(report.model_dump_json() if json else report.summary())


@app.command()
def adopt(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="An ONNX file, or a folder of a transformers model.")
    ] = None,
    output: BundleFolder = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Make a model bundle in the folder OUTPUT of MODEL, which was trained elsewhere."""
    with told():
        from genre_batch.config import load
        from genre_batch.training.adopt import AdoptConfig
        from genre_batch.training.adopt import adopt as run_adopt

        settings = load(AdoptConfig, config, overrides or (), {"model": model, "output": output})
        report = run_adopt(settings)
        typer.echo(report.model_dump_json() if json else report.summary())


@app.command()
def evaluate(
    bundle: Annotated[str | None, typer.Argument(metavar="BUNDLE", help="`default`, a folder or s3:// folder.")] = None,
    source: Annotated[
        str | None, typer.Argument(metavar="LABELLED", help="A folder with one folder a genre, or a CSV.")
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures.")] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Measure BUNDLE on the labelled tracks of LABELLED."""
    with told():
        from genre_batch.config import EvaluateConfig, load
        from genre_batch.evaluation.evaluation_page import evaluation_page
        from genre_batch.evaluation.page_file import check_page, write_page
        from genre_batch.evaluation.report import evaluate as run_evaluate

        settings = load(EvaluateConfig, config, overrides or (), {"bundle": bundle, "source": source, "html": html})
        if settings.html:
            check_page(settings.html)
        found = run_evaluate(settings.bundle, settings.source)
        if settings.html:
            write_page(settings.html, evaluation_page(found))
        typer.echo(found.model_dump_json() if json else found.summary())


@app.command()
def report(
    first: Annotated[
        str | None, typer.Argument(metavar="[RUN_OUTPUT]", help="The OUTPUT of score; left out with --track.")
    ] = None,
    second: Annotated[str | None, typer.Argument(metavar="FILE", help="The page to write.")] = None,
    track: Annotated[str | None, typer.Option("--track", metavar="TRACK", help="Draw one track instead.")] = None,
    bundle: Annotated[str | None, typer.Option("--bundle", help="Whose answer the track gets.")] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Write a page with pictures: of a run's table, or of one track."""
    with told():
        from genre_batch.config import ReportConfig, load
        from genre_batch.run.pages import write_report

        subject, file = (first, second) if second else (None, first)
        arguments = {"source": subject, "output": file, "track": track, "bundle": bundle}
        written = write_report(load(ReportConfig, config, overrides or (), arguments))
        typer.echo(written.model_dump_json() if json else written.summary())


@app.command()
def verify(
    output: Output = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Check one run alone.")] = None,
    etags: Annotated[bool, typer.Option("--etags", help="Tell which objects of the source have changed.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Move damage away and do again what is missing.")] = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Check every file, row and record of OUTPUT; exit code 4 where something is not as it was written."""
    with told():
        from genre_batch.config import VerifyConfig, load
        from genre_batch.verify.repair import verify_and_repair

        flags = [f"{name}=true" for name, given in (("etags", etags), ("repair", repair)) if given]
        settings = load(VerifyConfig, config, [*flags, *(overrides or ())], {"output": output, "run_id": run})
        report = verify_and_repair(settings)
        typer.echo(report.model_dump_json() if json else report.summary())
        if report.damage:
            hint = (
                "some of it cannot be repaired: see above" if settings.repair else "--repair mends what can be mended"
            )
            raise DamageFound(f"{settings.output} is damaged ({report.damage:,} findings)", hint)


@app.command()
def gc(
    output: Output = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove what is listed.")] = False,
    unfinished: Annotated[
        str | None, typer.Option("--unfinished", metavar="RUN_ID", help="Give up this unfinished run.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """List what lies in OUTPUT and belongs to no run, finished or unfinished."""
    with told():
        from genre_batch.config import GcConfig, load
        from genre_batch.verify.clearing import clear

        flags = ["delete=true"] if delete else []
        arguments = {"output": output, "unfinished": unfinished}
        report = clear(load(GcConfig, config, [*flags, *(overrides or ())], arguments))
        typer.echo(report.model_dump_json() if json else report.summary())


@app.command()
def demo(
    catalog: Annotated[
        str | None, typer.Option("--catalog", help="Your own music instead of the sample catalog.")
    ] = None,
    output: Annotated[str | None, typer.Option("--output", help="Where the table goes.")] = None,
) -> None:
    """Run the whole job once on this machine: on a synthesised catalog on a local S3, or on your own music."""
    with told():
        from genre_batch.demo.demo import run_demo

        run_demo(catalog or None, output or None)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and end the process with the verb's exit code."""
    app(args=arguments)


def _features_on_ray(deadline_s: float) -> "Extract | None":
    """Computes features for training on Ray's actors; None, so that it is done in this process, where ray is not."""
    if find_spec("ray") is None:
        return None
    from genre_batch.config import JobConfig
    from genre_batch.run.training_features import extract_on_ray

    return extract_on_ray(JobConfig(deadline_s=deadline_s))


if __name__ == "__main__":
    main()
