"""What is written is what is loaded."""

import hashlib
from pathlib import Path

from small_bundle import write_small_bundle

from genre_batch.model.bundle import load_bundle


def test_the_bundle_returned_is_the_one_on_disk(tmp_path: Path) -> None:
    written = write_small_bundle(tmp_path / "new" / "bundle")
    assert load_bundle(str(tmp_path / "new" / "bundle")) == written
    assert sorted(path.name for path in (tmp_path / "new" / "bundle").iterdir()) == [
        "README.md",
        "bundle.json",
        "golden.npz",
        "model.safetensors",
    ]


def test_the_manifest_holds_each_files_sha256(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path)
    for name, digest in bundle.manifest.files.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_small_bundle(tmp_path / "1"), write_small_bundle(tmp_path / "2")
    assert dict(first.files) == dict(second.files)
