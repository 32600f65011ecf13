"""What all verbs have in common: `-q`, `-v`, `--log-format`, and failures that end in one sentence and an exit code."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any, ParamSpec

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from genre_batch.errors import UsageError
from genre_batch.interrupts import log_as_json
from genre_batch.notices import is_quiet, set_log_format, set_volume
from genre_batch.terminal import exit_on_error

Parameters = ParamSpec("Parameters")

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print only the report, warnings and errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also print the settings and the log.")]
LogFormat = Annotated[
    str | None,
    typer.Option(
        "--log-format",
        metavar="FORMAT",
        help="On stderr: text, or json for one object a line.",
        autocompletion=lambda: ["text", "json"],
    ),
]
_VOLUME = {"quiet": Quiet, "verbose": Verbose}


def verb(function: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """`function` as a verb: on the command line it also takes `-q` and `-v`, and its errors end as `terminal` says."""

    @wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        quiet, verbose = (kwargs.pop(name, False) is True for name in _VOLUME)
        log_format = kwargs.pop("log_format", None)
        if quiet or verbose:
            set_volume(quiet=quiet or is_quiet(), verbose=verbose)
        try:
            with exit_on_error():
                if log_format is not None:
                    choose_log_format(str(log_format))
                function(*args, **kwargs)
        finally:
            set_volume(quiet=False, verbose=False)
            choose_log_format("text")

    volume = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in _VOLUME.items()
    ]
    volume.append(inspect.Parameter("log_format", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=LogFormat))
    plain = inspect.signature(function)
    # typer reads both
    vars(run)["__signature__"] = plain.replace(parameters=[*plain.parameters.values(), *volume])
    run.__annotations__ = function.__annotations__ | _VOLUME | {"log_format": LogFormat}
    return run


def choose_log_format(name: str) -> None:
    """Write to stderr in this format from now on. Raises UsageError if there is no such format."""
    if name not in ("text", "json"):
        raise UsageError(f"there is no log format {name!r}", "give --log-format text or --log-format json")
    set_log_format(json=name == "json")
    log_as_json(name == "json")


class VerbCommand(TyperCommand):
    """A verb whose help shows no type for flags, which take no value."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # typer keeps these types to itself
        """Write the help."""
        drop_flag_types(self.get_params(ctx))
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """The same for the program itself."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        drop_flag_types(self.get_params(ctx))
        super().format_help(ctx, formatter)


def drop_flag_types(parameters: Iterable[object]) -> None:
    """Let help show nothing where typer would show `<bool>`."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
