"""What mkdocs runs while it builds the site: adds the reference, and takes links that leave the site out of pages."""

import json
import re
from collections.abc import Iterator
from typing import Any

from mkdocs.structure.files import File
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from genre_batch.cli.app import VERBS, app
from genre_batch.cli.verb_settings import VERBS as CONFIGURED
from genre_batch.cli.verb_settings import settings_of
from genre_batch.settings.notes import notes_of

_OUTWARD = re.compile(r"\[([^\]]*)\]\((?:\.\./)+(?!decisions/)([^)\s]*)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made from the code."""
    for name, text in (("commands", commands()), ("settings", settings())):
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """The page with links to files of the repository as plain names."""
    if page.file.src_uri.count("/"):
        return markdown
    return _OUTWARD.sub(lambda match: match[1] if "`" in match[1] else f"{match[1]} (`{match[2]}`)", markdown)


def commands() -> str:
    """Every verb with its arguments and options, as Markdown."""
    from typer.main import get_command

    program: Any = get_command(app)
    lines = ["# Commands", "", "All verbs take `-q`, `-v` and `-h`.", ""]
    for group, verbs in VERBS.items():
        for name in verbs:
            verb = program.commands[name]
            shown = [each for each in verb.params if each.name not in ("quiet", "verbose", "help")]
            usage = " ".join(f"[{each.metavar}]" for each in shown if each.param_type_name == "argument")
            lines += [f"## {name}", "", f"{group}. {verb.help.strip()}", ""]
            lines += [f"    genre-batch {name} {usage}".rstrip(), ""]
            lines += ["| | |", "|---|---|", *(_row(each) for each in shown), ""]
    return "\n".join(lines)


def _row(parameter: Any) -> str:
    name = parameter.metavar if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
    value = "" if parameter.param_type_name == "argument" or parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    return f"| `{name}{value}` | {_cell(parameter.help or '')} |"


def settings() -> str:
    """Every setting of every verb with a config file, as Markdown."""
    intro = (
        "Each verb reads them with `--config FILE`, and one with `--set KEY=VALUE`. Unknown keys are errors. "
        "`genre-batch schema VERB` prints their JSON schema."
    )
    lines = ["# Settings", "", intro]
    for verb in CONFIGURED:
        lines += ["", f"## {verb}", "", "| key | default | |", "|---|---|---|", *_settings(settings_of(verb), "")]
    return "\n".join(lines) + "\n"


def _settings(kind: type[BaseModel], prefix: str) -> Iterator[str]:
    notes = notes_of(kind)
    for name, field in kind.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _settings(below, f"{prefix}{name}.")
            continue
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        yield f"| `{prefix}{name}` | {_cell(default)} | {_cell(notes.get(name, ''))} |"


def _default(value: object) -> str:
    return f"`{json.dumps(to_jsonable_python(value))}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
