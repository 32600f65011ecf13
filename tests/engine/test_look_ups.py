"""The objects of a large catalog file are looked up by actors, in the order of the file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray_workers import full_cluster

from genre_batch.catalog.catalog_file import CatalogRow, HeadResult, tracks_of
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.lean_ray import without_unused_services
from genre_batch.engine.look_ups import look_up_on_actors
from genre_batch.errors import UserError
from genre_batch.stages.stage import ExtractPool
from genre_batch.storage.store import NoCredentials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def local_ray() -> Iterator[None]:
    """Ray whose workers have no credentials, whatever S3 server other tests have set up in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        with without_unused_services():
            ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


def actors(rows: Iterator[CatalogRow]) -> Iterator[HeadResult]:
    pool = ExtractPool(min_size=1, max_size=2, num_cpus=0.5)
    return look_up_on_actors(lambda: Cluster(2.0, 0.0, own=True), pool, None, rows, rows_a_call=10)


def test_actors_find_what_the_driver_finds_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [CatalogRow(str(number), f"{tmp_path}/{number:03d}") for number in range(105)]
    for row in rows[::3]:
        Path(row.uri).write_bytes(row.track_id.encode())
    found = list(tracks_of(rows, look_up_many=actors, few_rows=1))
    assert found == list(tracks_of(rows))
    assert [track.size_bytes > 0 for track in found] == [number % 3 == 0 for number in range(105)]
    assert found[0].modified_at is not None


def test_on_a_full_cluster_the_wait_for_the_first_actor_ends_with_the_time_of_the_run() -> None:
    asked, rows = iter([False, True]), iter([CatalogRow("a", "/a")])
    pool = ExtractPool(min_size=1, max_size=2, num_cpus=0.5)
    found = look_up_on_actors(lambda: Cluster(2.0, 0.0, own=True), pool, None, rows, is_late=lambda: next(asked))
    with full_cluster(), pytest.raises(UserError, match="finish_by came before the cluster had room"):
        next(found)


def test_errors_come_back_as_they_were_raised() -> None:
    rows = [CatalogRow(str(number), f"s3://music/{number}") for number in range(40)]
    with pytest.raises(NoCredentials) as caught:
        list(tracks_of(rows, look_up_many=actors, few_rows=1))
    assert caught.value.hint
