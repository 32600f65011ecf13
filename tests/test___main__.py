"""The command line as users start it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "code", "stream", "text"),
    [
        (["--help"], 0, "stdout", "score"),
        (["score", "--set", "no_such_key=1"], 2, "stderr", "no_such_key"),
        (["no-such-verb"], 2, "stderr", "no-such-verb"),
    ],
)
def test_arguments_and_exit_codes_are_passed_on(words: list[str], code: int, stream: str, text: str) -> None:
    done = subprocess.run([sys.executable, "-m", "genre_batch", *words], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert text in getattr(done, stream)
