"""Arguments and options that several verbs share."""

from typing import Annotated

import typer

Source = Annotated[
    str | None, typer.Argument(metavar="SOURCE", help="s3://bucket/prefix/, a folder, or a CSV/Parquet with `uri`.")
]
Labelled = Annotated[
    str | None, typer.Argument(metavar="LABELLED", help="A folder with one folder per genre, or a CSV/Parquet file.")
]
Output = Annotated[str | None, typer.Argument(metavar="OUTPUT", help="s3://bucket/prefix/ or a folder.")]
BundleFolder = Annotated[str | None, typer.Argument(metavar="OUTPUT", help="A new folder on this machine.")]
ConfigFile = Annotated[str | None, typer.Option("--config", metavar="FILE", help="YAML file with settings.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Change one setting.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

TABLE = {"source": "SOURCE", "output": "OUTPUT"}
"""What messages call the settings that most verbs take as arguments."""
