"""What a command says on stderr while it works."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from genre_batch import notices
from genre_batch.notices import say, set_log_format, set_volume, waiting_for, warn, write_line


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    set_volume(quiet=False, verbose=False)


@pytest.mark.parametrize(("quiet", "printed"), [(False, "a notice\na warning\n"), (True, "a warning\n")])
def test_quiet_silences_notices_but_no_warnings(quiet: bool, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_volume(quiet=quiet, verbose=False)
    say("a notice")
    warn("a warning")
    assert capsys.readouterr() == ("", printed)


@pytest.mark.parametrize(("quiet", "printed"), [(False, "starting Ray ...\n"), (True, "")])
def test_a_long_wait_is_reported_once(
    quiet: bool, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notices, "PATIENCE_S", 0.01)
    set_volume(quiet=quiet, verbose=False)
    said = ""
    with waiting_for("starting Ray"):
        until_s = time.monotonic() + (0.2 if quiet else 300)
        while not said and time.monotonic() < until_s:
            time.sleep(0.01)
            captured = capsys.readouterr()
            said += captured.err
            assert captured.out == ""
    assert said == printed


def test_a_short_wait_is_not_reported_even_if_it_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notices, "PATIENCE_S", 1.0)
    with pytest.raises(KeyError), waiting_for("starting Ray"):
        raise KeyError
    time.sleep(1.2)
    assert capsys.readouterr() == ("", "")


def test_verbose_adds_the_log_of_the_package_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("genre_batch.engine.ray_actors")
    log.info("unheard")
    for _ in range(2):
        set_volume(quiet=False, verbose=True)
    log.info("an actor was lost")
    assert capsys.readouterr().err == "genre_batch.engine.ray_actors: an actor was lost\n"


def test_with_json_every_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_log_format(json=True)
    try:
        set_volume(quiet=False, verbose=True)
        say("a notice")
        warn('a "warning"')
        write_line("error", "no", "yes")
        logging.getLogger("genre_batch.x").info("logged")
    finally:
        set_log_format(json=False)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["message"], line.get("hint")) for line in lines] == [
        ("info", "a notice", None),
        ("warning", 'a "warning"', None),
        ("error", "no", "yes"),
        ("info", "genre_batch.x: logged", None),
    ]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)
