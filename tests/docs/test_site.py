"""The site of the docs builds without a warning, its reference is complete, and its notebook runs."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from outputs import write_run

from genre_batch.catalog.reject import RejectReason
from genre_batch.cli.app import VERBS
from genre_batch.cli.verb_settings import VERBS as CONFIGURED
from genre_batch.storage.local import LocalStore

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "read-the-table.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_builds_strictly_and_its_reference_names_every_verb_and_setting(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "commands.html").read_text(encoding="utf-8")
    for verbs in VERBS.values():
        for verb in verbs:
            assert f'<h2 id="{verb}">' in page
    settings = (tmp_path / "site" / "reference" / "settings.html").read_text(encoding="utf-8")
    assert all(f'<h2 id="{verb}">' in settings for verb in CONFIGURED)
    assert "<code>predict.num_gpus</code>" in settings


def test_it_names_no_address_that_a_reader_would_load() -> None:
    assert "font: false" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_notebook_reads_a_table(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path / "my-output"), 0, {("a.mp3", "v1"): "jazz", ("b.mp3", "v1"): "rock"})
    write_run(LocalStore(), str(tmp_path / "my-output"), 1, {("a.mp3", "v2"): "rock", ("c", "v1"): RejectReason.EMPTY})
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "a.mp3" in shown
    assert "empty" in shown
    assert not [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.get("outputs")]
