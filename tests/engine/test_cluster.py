"""How many actors suit a cluster."""

import socket
from collections.abc import Sequence

import pytest

from genre_batch.catalog.reject import RejectStage
from genre_batch.engine.cluster import Cluster, check_capacity, connected, pool_sizes, runs_already
from genre_batch.errors import UsageError, UserError
from genre_batch.stages.predict import PredictPool
from genre_batch.stages.stage import ExtractPool, Stage


def stages(
    extract: ExtractPool | None = None, predict: PredictPool | None = None, gpus_each: float = 0.0
) -> Sequence[Stage]:
    extract, predict = extract or ExtractPool(), predict or PredictPool()
    return [
        Stage("extract", object, (), extract, RejectStage.DECODE, num_cpus=extract.num_cpus),
        Stage("predict", object, (), predict, RejectStage.MODEL, num_gpus=gpus_each),
    ]


@pytest.mark.parametrize(
    ("cpus", "gpus", "batches", "sizes"),
    [
        (2, 0, 100, [2, 1]),
        (2, 0, 1, [1, 1]),
        (64, 0, 10_000, [64, 32]),
        (64, 4, 10_000, [64, 4]),
        (64, 4, 2, [2, 2]),
        (1, 1, 5, [1, 1]),
    ],
)
def test_pools_follow_the_cluster(cpus: int, gpus: int, batches: int, sizes: list[int]) -> None:
    cluster, gpus_each = Cluster(cpus, gpus, own=True), PredictPool().gpus_each(gpus)
    assert gpus_each == min(gpus, 1)
    assert pool_sizes(cluster, stages(gpus_each=gpus_each), batches=batches) == sizes


def test_settings_bound_the_pools() -> None:
    wanted = stages(ExtractPool(min_size=3, max_size=5), PredictPool(max_size=2), gpus_each=0.5)
    assert pool_sizes(Cluster(64, 4, own=True), wanted, batches=1000) == [5, 2]
    assert pool_sizes(Cluster(1, 0, own=True), wanted, batches=1000) == [3, 1]


def test_on_a_shared_cluster_a_few_actors_wait_for_machines() -> None:
    wanted = stages(ExtractPool(max_size=20))
    sizes = [pool_sizes(Cluster(cpus, 0, own=False), wanted, batches=1000)[0] for cpus in (0, 8, 64)]
    assert sizes == [4, 12, 20]


def test_a_single_stage_fills_the_cluster() -> None:
    assert pool_sizes(Cluster(8, 0, own=True), stages()[:1], batches=1000) == [8]


def test_a_machine_that_has_less_than_the_settings_ask_for_is_refused() -> None:
    cluster, wanted = Cluster(2, 0, own=True), stages(ExtractPool(min_size=3))
    with pytest.raises(UsageError, match="asks for 3 CPUs and 0 GPUs, this machine offers 2 CPUs and 0 GPUs") as raised:
        check_capacity(cluster, wanted, [3, 1])
    assert raised.value.hint == "lower extract.min_size or extract.num_cpus, or use a larger cluster"


def test_the_hint_names_the_settings_of_gpus_if_gpus_are_missing() -> None:
    with pytest.raises(UsageError, match="asks for 1 CPUs and 2 GPUs") as raised:
        check_capacity(Cluster(2, 1, own=True), stages(gpus_each=1.0), [1, 2])
    assert "predict.min_size or predict.num_gpus" in raised.value.hint


def test_a_shared_cluster_may_still_grow() -> None:
    wanted = stages(ExtractPool(min_size=3))
    check_capacity(Cluster(2, 0, own=False), wanted, [3, 1])
    with pytest.raises(UsageError):
        check_capacity(Cluster(2, 0, own=True), wanted, [3, 1])


@pytest.mark.parametrize(("address", "known"), [(None, False), ("", False), ("local", False), ("10.0.0.1:6379", True)])
def test_a_cluster_is_known_by_its_address(address: str | None, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    assert runs_already() is known


def test_a_cluster_that_does_not_answer_is_reported_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(UserError, match=f"cannot be reached at '127.0.0.1:{port}'") as raised, connected():
        pass
    assert "RAY_ADDRESS" in raised.value.hint
