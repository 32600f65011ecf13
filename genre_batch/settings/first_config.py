"""`init`: the first config file of a user, with a comment on each setting."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import UsageError
from genre_batch.settings.commented import commented


class FirstConfig(BaseModel):
    """The file that `genre-batch init` wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str

    def summary(self) -> str:
        """The report as lines for a terminal."""
        return f"{self.file} written; see what it would do: genre-batch score --config {self.file} --plan"


def write_first_config(settings: BaseModel, file: str) -> FirstConfig:
    """Write `settings` with their notes to the new local file `file`.

    Raises UsageError if there is such a file already, or it cannot be written.
    """
    heading = f"Settings of `genre-batch score`. Start with: genre-batch score --config {file}"
    try:
        with Path(file).open("x", encoding="utf-8") as new:
            new.write(commented(settings, heading))
    except FileExistsError as error:
        raise UsageError(f"{file} exists already", "name another one with --file") from error
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "name another one with --file") from error
    return FirstConfig(file=file)
