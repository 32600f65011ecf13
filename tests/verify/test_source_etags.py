from pathlib import Path

import pyarrow as pa

from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_batch
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Findings
from genre_batch.verify.source_etags import ListedVersions


def test_an_object_that_was_unreadable_when_listed_has_not_changed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/proc/self/mem")
    [found] = LocalStore().list(str(tmp_path))
    findings = Findings()
    with TrackRuns() as runs:
        versions = ListedVersions(runs)
        versions.add(pa.Table.from_batches([to_batch([Track(found.uri, found.uri, found.etag, found.size_bytes)])]))
        versions.check(findings)
    assert findings.kept == []


def test_the_newest_listed_version_is_compared(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_bytes(name.encode())
    listed = [Track(found.uri, found.uri, found.etag, found.size_bytes) for found in LocalStore().list(str(tmp_path))]
    never = Track(f"{tmp_path}/e", f"{tmp_path}/e", "", -1)
    (tmp_path / "b").write_bytes(b"changed")
    (tmp_path / "c").write_bytes(b"changed")
    (tmp_path / "d").unlink()
    newer = LocalStore().head(f"{tmp_path}/c")
    findings = Findings()
    with TrackRuns() as runs:
        versions = ListedVersions(runs)
        versions.add(pa.Table.from_batches([to_batch([*listed, never])]))
        changed = Track(newer.uri, newer.uri, newer.etag, newer.size_bytes)
        versions.add(pa.Table.from_batches([to_batch([changed])]))
        versions.check(findings)
    assert [(finding.path[-1], finding.is_damage) for finding in findings.kept] == [("b", False), ("d", False)]
    assert "gone" in findings.kept[1].message
