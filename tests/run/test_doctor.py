"""`doctor`: each check, when all is well and when something is wrong."""

from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.errors import UserError
from genre_batch.run.doctor import Check, DoctorReport, doctor, room_for
from genre_batch.storage.local import LocalStore


def examined(source: str, output: str, *overrides: str) -> dict[str, Check]:
    config = load(ScoreConfig, None, overrides, {"source": source, "output": output})
    report = doctor(config, with_cluster=lambda settings: room_for(settings, Cluster(2.0, 0.0, own=True)))
    assert report.summary()
    assert all(check.fix for check in report.checks if not check.passed)
    return {check.name: check for check in report.checks}


def test_all_is_well_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp3").write_bytes(b"x" * 100)
    checks = examined(f"{tmp_path}/in", f"{tmp_path}/out")
    assert {name: check.passed for name, check in checks.items()} == {
        "source": True, "output": True, "bundle": True, "cluster": True,
    }  # fmt: skip
    assert "read 64 bytes" in checks["source"].message
    assert list(LocalStore().list(f"{tmp_path}/out/")) == []


@pytest.mark.parametrize("server", ["moto", pytest.param("radosgw", marks=pytest.mark.radosgw)])
def test_all_is_well_on_s3(server: str, request: pytest.FixtureRequest) -> None:
    if server == "moto":
        bucket = request.getfixturevalue("bucket")
    else:
        gateway: S3Server = request.getfixturevalue("radosgw")
        bucket = gateway.new_bucket()
    from genre_batch.storage.open_store import open_store

    store = open_store("s3://x")
    store.write(f"s3://{bucket}/music/a.mp3", b"xyz")
    checks = examined(f"s3://{bucket}/music/", f"s3://{bucket}/out")
    assert [name for name, check in checks.items() if not check.passed] == []
    assert "from env" in checks["credentials"].message
    assert [found.uri for found in store.list(f"s3://{bucket}/out/")] == []


def test_what_is_wrong_is_named_with_a_fix(tmp_path: Path, bucket: str) -> None:
    (tmp_path / "in").mkdir()
    checks = examined(f"{tmp_path}/in", f"s3://no-{bucket}/out", "extract.min_size=9", "bundle=/nowhere")
    assert [name for name, check in checks.items() if not check.passed] == [
        "source", "output", "region", "bundle", "cluster",
    ]  # fmt: skip
    assert "no track" in checks["source"].message
    assert "9 CPUs" in checks["cluster"].message
    with pytest.raises(UserError, match="source failed"):
        DoctorReport(checks=tuple(checks.values())).require()


def test_storage_that_ignores_conditions_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(store: LocalStore, uri: str, data: bytes) -> bool:
        store.write(uri, data)
        return True

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp3").write_bytes(b"x")
    monkeypatch.setattr(LocalStore, "create", careless)
    check = examined(f"{tmp_path}/in", f"{tmp_path}/out")["output"]
    assert not check.passed
    assert "If-None-Match did not protect" in check.message


def test_gpus_that_the_cluster_does_not_have_are_missed(tmp_path: Path) -> None:
    check = examined(f"{tmp_path}/in", f"{tmp_path}/out", "predict.num_gpus=1", "predict.min_size=2")["cluster"]
    assert (check.passed, check.message) == (
        False,
        "the settings ask for 1 CPUs and 2 GPUs, the cluster has 2 CPUs and 0 GPUs",
    )
    assert "predict.num_gpus" in check.fix
