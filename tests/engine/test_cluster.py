"""How many actors suit a cluster."""

import socket

import pytest

from genre_batch.actors.extract import ExtractPool
from genre_batch.actors.predict import PredictPool
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import (
    Cluster,
    PoolSizes,
    asked_first,
    check_capacity,
    connected,
    gpus_per_predictor,
    pool_sizes,
)
from genre_batch.errors import UsageError, UserError


@pytest.mark.parametrize(
    ("cpus", "gpus", "batches", "sizes"),
    [
        (2, 0, 100, PoolSizes(2, 1)),
        (2, 0, 1, PoolSizes(1, 1)),
        (64, 0, 10_000, PoolSizes(64, 16)),
        (64, 4, 10_000, PoolSizes(64, 4)),
        (64, 4, 2, PoolSizes(2, 2)),
        (1, 1, 5, PoolSizes(1, 1)),
    ],
)
def test_pools_follow_the_cluster(cpus: int, gpus: int, batches: int, sizes: PoolSizes) -> None:
    cluster, predict = Cluster(cpus, gpus, own=True), PredictPool()
    gpus_each = gpus_per_predictor(cluster, predict)
    assert gpus_each == min(gpus, 1)
    assert pool_sizes(cluster, ExtractPool(), predict, gpus_each=gpus_each, batches=batches) == sizes


def test_settings_bound_the_pools() -> None:
    extract, predict = ExtractPool(min_size=3, max_size=5), PredictPool(max_size=2, num_gpus=0.5)
    assert pool_sizes(Cluster(64, 4, own=True), extract, predict, gpus_each=0.5, batches=1000) == PoolSizes(5, 2)
    assert pool_sizes(Cluster(1, 0, own=True), extract, predict, gpus_each=0.5, batches=1000).extract == 3


def test_on_a_cluster_that_may_grow_a_few_actors_wait_for_machines() -> None:
    sizes = [
        pool_sizes(Cluster(cpus, 0, own=False), ExtractPool(max_size=20), PredictPool(), gpus_each=0, batches=1000)
        for cpus in (0, 8, 64)
    ]
    assert [size.extract for size in sizes] == [4, 12, 20]


def test_a_predictor_asks_for_a_gpu_only_if_it_may_use_one() -> None:
    cluster = Cluster(64, 4, own=True)
    assert gpus_per_predictor(cluster, PredictPool(device="cpu")) == 0.0
    assert gpus_per_predictor(cluster, PredictPool(num_gpus=0.25)) == 0.25
    with pytest.raises(UsageError, match="no GPU is given"):
        gpus_per_predictor(Cluster(2, 0, own=True), PredictPool(device="cuda"))


def test_a_machine_that_cannot_give_what_is_asked_is_told_at_once() -> None:
    cluster, extract = Cluster(2, 0, own=True), ExtractPool(min_size=3)
    with pytest.raises(UsageError, match="asks for 3 CPUs and 0 GPUs, this machine offers 2 CPUs and 0 GPUs"):
        check_capacity(cluster, PoolSizes(3, 1), extract, gpus_each=0.0)


def test_a_cluster_of_others_may_still_grow() -> None:
    check_capacity(Cluster(2, 0, own=False), PoolSizes(3, 1), ExtractPool(min_size=3), gpus_each=0.0)


@pytest.mark.parametrize(
    ("address", "overrides", "first"),
    [
        (None, [], False),
        ("", [], False),
        ("local", ["extract.num_cpus=0.5", "extract.min_size=2", "predict.num_gpus=0"], False),
        ("local", ["extract.min_size=2"], True),
        (None, ["extract.num_cpus=2"], True),
        (None, ["predict.num_gpus=0.5"], True),
        (None, ["predict.device=cuda"], True),
        ("10.0.0.1:6379", [], True),
    ],
)
def test_the_cluster_is_asked_first_where_it_runs_already_or_may_have_too_little(
    address: str | None, overrides: list[str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    assert asked_first(load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"})) is first


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(UserError, match=f"cannot be reached at '127.0.0.1:{port}'") as raised, connected():
        pass
    assert "RAY_ADDRESS" in raised.value.hint
