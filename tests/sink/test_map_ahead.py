import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from genre_batch.sink.map_ahead import map_ahead, shards_ahead


def test_results_come_in_order() -> None:
    with ThreadPoolExecutor(4) as executor:
        assert list(map_ahead(lambda n: n * n, range(50), executor, 8)) == [n * n for n in range(50)]
        assert list(map_ahead(lambda n: n, [], executor, 8)) == []


def test_no_more_is_read_ahead_than_asked_for() -> None:
    started = []
    with ThreadPoolExecutor(4) as executor:
        results = map_ahead(started.append, range(100), executor, 3)
        for _ in range(5):
            next(results)
        results.close()
    assert len(started) <= 5 + 3


def test_calls_overlap() -> None:
    barrier = threading.Barrier(3, timeout=300)
    with ThreadPoolExecutor(3) as executor:
        assert len(list(map_ahead(lambda _: barrier.wait(), range(3), executor, 3))) == 3


def test_an_error_reaches_the_reader() -> None:
    def fail(number: int) -> int:
        if number == 2:
            raise KeyError(number)
        return number

    with ThreadPoolExecutor(2) as executor:
        results = map_ahead(fail, range(10), executor, 4)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(KeyError):
            next(results)


@pytest.mark.parametrize(
    ("most", "shard_tracks", "runs", "shards"),
    [(17, 1024, 1, 17), (17, 524_288, 1, 1), (9, 100_000, 2, 5), (3, 10**7, 4, 1)],
)
def test_large_shards_are_few_at_once(most: int, shard_tracks: int, runs: int, shards: int) -> None:
    assert shards_ahead(most, shard_tracks, runs) == shards
