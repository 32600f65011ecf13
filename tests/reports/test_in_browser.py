"""The pages in Chromium: at the widths of a phone, a tablet and a screen, bright and dark, and for all readers.

Screenshots stay in build/pages/.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from reports.finished_catalog import finished_catalog
from reports.finished_run import finished_run
from reports.test_evaluation_page import make_report
from reports.test_track_page import heard

from genre_batch.reports.catalog_page import catalog_page
from genre_batch.reports.catalog_report import read_catalog
from genre_batch.reports.evaluation_page import evaluation_page
from genre_batch.reports.run_page import read_run_table, run_page
from genre_batch.reports.track_page import track_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WIDTHS = (390, 768, 1280)
SCREENSHOTS = Path(__file__).parents[2] / "build" / "pages"
LONG_WORD = "acousticsingersongwriterfolkrevivalinstrumental"
CURVES = {"train_loss": [2.0, 1.0, 0.5], "held_out_accuracy": [0.1, 0.3, 0.5]}

SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll("svg text")].map(text => {
  const svg = text.ownerSVGElement;
  return parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
}))"""
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll("h1, h2, p, figure, .scroll, .card, audio, .heard")]
    .map(element => [element, element.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
  const found = [];
  for (const [a, one] of boxes) for (const [b, two] of boxes) {
    if (a === b || a.contains(b) || b.contains(a)) continue;
    const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
    const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
    if (across > 1 && down > 1) found.push(a.textContent.slice(0, 40) + " / " + b.textContent.slice(0, 40));
  }
  return found;
}"""
CUT_OFF = """() => [...document.querySelectorAll("svg text")].filter(text => {
  const [inner, outer] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
  return inner.left < outer.left - 2 || inner.right > outer.right + 2 || inner.top < outer.top - 2;
}).map(text => text.textContent)"""
NARROWEST_NAME = (
    """() => Math.min(...[...document.querySelectorAll("tbody th, .facts td")].map(cell => cell.clientWidth))"""
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None and os.environ.get("CI") != "true":
        pytest.skip("chromium is not installed")
    assert program, "CI needs Debian's chromium"
    with sync_playwright() as playwright:
        # a container without user namespaces, as CI's, has no sandbox to offer
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    finished_run(folder / "out")
    week = finished_catalog(folder / "week")
    report = read_catalog(str(folder / "week"))
    found = {
        "catalog": catalog_page(report, {week[0].run_id: "run.html"}),
        "run": run_page(read_run_table(str(folder / "out"))),
        "evaluation": evaluation_page(make_report(curves=CURVES)),
        "track": track_page(heard(LONG_WORD), "small-1"),
    }
    for name, html in found.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in found}


def opened(browser: Browser, page: Path, *, width: int = 1280, dark: bool = False) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    shown = context.new_page()
    shown.on("console", lambda message: pytest.fail(message.text))
    shown.on("pageerror", lambda error: pytest.fail(str(error)))
    shown.goto(page.as_uri())
    return shown


def kept(page: Page, name: str) -> bytes:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("name", ["catalog", "run", "evaluation", "track"])
def test_a_page_fits_every_screen(browser: Browser, pages: dict[str, Path], name: str) -> None:
    for width in WIDTHS:
        page = opened(browser, pages[name], width=width)
        kept(page, f"{name}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SMALLEST_TEXT) >= 8.5
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(NARROWEST_NAME) >= 60
        page.context.close()


@pytest.mark.parametrize("name", ["catalog", "run", "evaluation", "track"])
def test_a_dark_page_is_dark_and_everyone_can_read_both(browser: Browser, pages: dict[str, Path], name: str) -> None:
    luminance = []
    for dark in (False, True):
        page = opened(browser, pages[name], dark=dark)
        kept(page, f"{name}-dark" if dark else f"{name}-light")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
        luminance.append([sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink)])
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [
            (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
        ] == []
        page.context.close()
    (paper, ink), (dark_paper, pale_ink) = luminance
    assert paper > 700 > 200 > ink
    assert dark_paper < 150 < 500 < pale_ink


def test_a_matrix_of_many_genres_keeps_its_text_and_scrolls_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    report, genres = make_report(), [f"genre {number}" for number in range(25)]
    figures = next(iter(report.metrics.per_genre.values()))
    changes = {"genres": genres, "confusion_matrix": np.eye(25, dtype=int).tolist()}
    metrics = report.metrics.model_copy(update=changes | {"per_genre": dict.fromkeys(genres, figures)})
    given = next(iter(report.answers_by_genre.values()))
    sure = next(iter(report.intervals_by_genre.values()))
    by_genre = {"answers_by_genre": dict.fromkeys(genres, given), "intervals_by_genre": dict.fromkeys(genres, sure)}
    report = report.model_copy(update={"metrics": metrics} | by_genre)
    (tmp_path / "many.html").write_text(evaluation_page(report), encoding="utf-8")
    for width in (390, 1280):
        page = opened(browser, tmp_path / "many.html", width=width)
        kept(page, f"many-{width}")
        assert page.evaluate(SMALLEST_TEXT) >= 8
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.context.close()


def test_paper_shows_the_bars_and_bright_colours(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["track"], dark=True)
    page.emulate_media(media="print")
    style = "getComputedStyle(document.querySelector('.bar'))"
    assert page.evaluate(f"{style}.printColorAdjust") == "exact"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('section')).breakInside") == "avoid"
    assert not page.locator("audio, .filter").filter(visible=True).count()
    page.context.close()


def test_a_table_is_sorted_and_filtered_by_its_readers(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    genres = tuple(f"genre {number}" for number in rng.permutation(9))
    finished_run(tmp_path / "out", genres=genres, tracks=100)
    (tmp_path / "run.html").write_text(run_page(read_run_table(str(tmp_path / "out"))), encoding="utf-8")
    page = opened(browser, tmp_path / "run.html")
    names = page.locator("table.data tbody tr:visible th")
    page.get_by_role("button", name="genre", exact=True).click()
    page.get_by_role("button", name="genre", exact=True).click()
    assert names.all_inner_texts() == [f"genre {number}" for number in range(9)]
    page.get_by_role("button", name="mean confidence").click()
    shares = [float(text.removesuffix(" %")) for text in page.locator("table.data td:nth-child(4)").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    page.get_by_label("filter").fill("Genre 4")
    assert names.all_inner_texts() == ["genre 4"]
    page.context.close()


def test_no_other_script_runs(browser: Browser, pages: dict[str, Path]) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(pages["run"].as_uri())
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.intruded = true";
        document.body.append(script);
    }""")
    assert page.evaluate("window.intruded") is None
    context.close()
