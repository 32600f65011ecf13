"""The page of a comparison, and when it is written."""

from pathlib import Path

import pytest
from outputs import write_run
from page_checks import read_page

from genre_batch.errors import UsageError
from genre_batch.readers.compare import CompareConfig, compare
from genre_batch.reports.compare_page import compare_and_write, compare_page
from genre_batch.storage.local import LocalStore

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("two models"))
    write_run(LocalStore(), output, 0, {("a", "v1"): "jazz", (HOSTILE, "v1"): "rock"}, model_id="a-1")
    changed = {("a", "v1"): "jazz", (HOSTILE, "v1"): "<b>pop"}
    write_run(LocalStore(), output, 1, changed, model_id="b-1", fingerprint="2" * 64)
    return output


def test_it_shows_the_comparison_and_escapes_every_name(output: str) -> None:
    html = compare_page(compare(CompareConfig(output=output, model_a="a-1", model_b="b-1")))
    page = read_page(html)
    assert page.title == "a-1 and b-1"
    assert "<script>alert(1)</script>\\x1b[31m" in page.text
    assert "<b>pop" in page.text
    assert "50.0 %" in page.text
    assert "<strong>1</strong>" in html


def test_without_flips_it_says_so(output: str) -> None:
    found = compare(CompareConfig(output=output, model_a="a-1", model_b="b-1"))
    none = found.model_copy(update={"pairs": (), "examples": (), "shifts": {}, "agreement": None, "tracks": 0})
    text = read_page(compare_page(none)).text
    assert "None: wherever both give a genre" in text
    assert "There is no track that both models answered." in text
    assert "no examples were asked for" in read_page(compare_page(found.model_copy(update={"examples": ()}))).text


def test_it_is_written_if_a_file_is_named(output: str, tmp_path: Path) -> None:
    settings = CompareConfig(output=output, model_a="a-1", model_b="b-1", html=str(tmp_path / "page.html"))
    assert compare_and_write(settings).tracks == 2
    assert read_page((tmp_path / "page.html").read_text()).title == "a-1 and b-1"
    with pytest.raises(UsageError, match="there is no folder"):
        compare_and_write(settings.model_copy(update={"html": str(tmp_path / "none" / "page.html")}))
