"""Garbage is collected once a minute, and as before afterwards."""

import gc
import time

import pytest

from genre_batch.engine.garbage import seldom_collected


def test_within_the_block_it_is_collected_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    times_s, collected = [100.0], list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: times_s[-1])
    monkeypatch.setattr(gc, "collect", lambda: collected.append(times_s[-1]))
    with seldom_collected() as garbage:
        assert not gc.isenabled()
        for time_s in (101.0, 159.0, 161.0, 190.0, 222.0):
            times_s.append(time_s)
            garbage.look()
    assert gc.isenabled()
    assert collected == [161.0, 222.0]


def test_an_error_in_the_block_and_a_collector_that_was_off_change_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), seldom_collected():
        raise KeyboardInterrupt
    assert gc.isenabled()
    gc.disable()
    with seldom_collected():
        pass
    was_on = gc.isenabled()
    gc.enable()
    assert not was_on
