"""The verbs about models: `recipes`, `train`, `adopt`, `canaries` and `evaluate`."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from genre_batch.cli.arguments import TABLE, BundleFolder, ConfigFile, JsonFlag, Labelled, Overrides
from genre_batch.cli.verb import verb
from genre_batch.notices import say, waiting_for
from genre_batch.terminal import print_report
from genre_batch.training.recipe_files import DEFAULT_RECIPE, recipe_file, recipe_names

if TYPE_CHECKING:
    from genre_batch.training.dataset import Extract

_LABELLED = {"source": "LABELLED", "output": "OUTPUT"}


@verb
def recipes_verb(json: JsonFlag = False) -> None:
    """List the recipes for `train` and `features`, one line each."""
    from genre_batch.training.recipe_list import recipe_list

    print_report(recipe_list(), json=json)


@verb
def train_verb(
    source: Labelled = None,
    output: BundleFolder = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help=f"A name (see `recipes`) or a file; {DEFAULT_RECIPE} unless --config gives one.",
            autocompletion=recipe_names,
        ),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Train a model bundle on the tracks of LABELLED and write it to the folder OUTPUT."""
    with waiting_for("loading the libraries of the model"):
        from genre_batch.config import load
        from genre_batch.training.train_config import TrainConfig
        from genre_batch.training.trainer import train

    changes, arguments = overrides or [], {"source": source, "output": output}
    own = any(change.startswith(("architecture=", "architecture.name=")) for change in changes)
    if recipe is None and config is None and not own:
        say(f"recipe {DEFAULT_RECIPE}, the default; `genre-batch recipes` lists the others")
        recipe = DEFAULT_RECIPE
    file = recipe if recipe is None or recipe.endswith((".yaml", ".yml")) else str(recipe_file(recipe))
    names = _LABELLED | dict.fromkeys(("name", "architecture"), "--recipe NAME")
    settings = load(TrainConfig, config, changes, arguments, names=names, recipe=file)
    print_report(train(settings, _features_on_ray(settings.deadline_s)), json=json)


@verb
def adopt_verb(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="An ONNX file, or the folder of a transformers model.")
    ] = None,
    output: BundleFolder = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Turn MODEL, which was trained elsewhere, into a model bundle in the folder OUTPUT."""
    with waiting_for("loading the libraries of the model"):
        from genre_batch.config import load
        from genre_batch.training.adopt import AdoptConfig, adopt

    arguments, names = {"model": model, "output": output}, {"model": "MODEL", "output": TABLE["output"]}
    settings = load(AdoptConfig, config, overrides or (), arguments, names=names)
    with waiting_for("trying the model on a second of sound"):
        report = adopt(settings)
    print_report(report, json=json)


@verb
def canaries_verb(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The folder of a bundle.")],
    clips: Annotated[
        list[str] | None, typer.Argument(metavar="CLIP", help="Short audio files; default: those shipped.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Store audio files with their present answers in BUNDLE: each run scores them, and a change stops publication."""
    with waiting_for("loading the libraries of the model"):
        from genre_batch.training.canary_clips import add_canaries

    with waiting_for("asking the model about the clips"):
        report = add_canaries(bundle, clips or None)
    print_report(report, json=json)


@verb
def evaluate_verb(
    bundle: Annotated[
        str | None, typer.Argument(metavar="BUNDLE", help="A shipped bundle, such as `cheap`, or a folder.")
    ] = None,
    source: Labelled = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Also write a page with figures.")] = None,
    genre_map: Annotated[
        str | None, typer.Option("--map", metavar="FILE", help="A genre of BUNDLE for each genre of LABELLED, as YAML.")
    ] = None,
    taxonomy: Annotated[
        str | None, typer.Option("--taxonomy", metavar="CSV", help="Measure other labels, as publish --map gives them.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: JsonFlag = False,
) -> None:
    """Measure BUNDLE on the labelled tracks of LABELLED."""
    with waiting_for("loading the libraries of the model"):
        from genre_batch.config import load
        from genre_batch.evaluation.report import EvaluateConfig
        from genre_batch.reports.write_pages import evaluate_and_write

    arguments = {"bundle": bundle, "source": source, "html": html, "genre_map": genre_map, "taxonomy": taxonomy}
    settings = load(EvaluateConfig, config, overrides or (), arguments, names=_LABELLED)
    print_report(evaluate_and_write(settings), json=json)


def _features_on_ray(deadline_s: float) -> "Extract | None":
    """What computes features for training on Ray; None, for this process, if Ray is not installed."""
    if find_spec("ray") is None:
        return None
    from genre_batch.config import JobConfig
    from genre_batch.pipeline import features_flow
    from genre_batch.run.training_features import extract_on_ray

    return extract_on_ray(JobConfig(deadline_s=deadline_s), features_flow)
