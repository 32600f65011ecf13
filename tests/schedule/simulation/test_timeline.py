"""Virtual time goes forward, in the order of what was asked."""

from hypothesis import given
from hypothesis import strategies as st

from genre_batch.schedule.simulation.timeline import Timeline


@given(st.lists(st.integers(0, 5), max_size=30))
def test_things_happen_by_time_and_those_of_one_moment_in_the_order_they_were_asked_for(delays: list[int]) -> None:
    timeline, seen = Timeline(), []
    for number, delay_s in enumerate(delays):
        timeline.after(delay_s, lambda *what: seen.append((timeline.now_s, *what)), number)
    while timeline.step():
        pass
    assert seen == sorted((delay_s, number) for number, delay_s in enumerate(delays))


def test_what_happens_may_ask_for_more_and_all_can_be_forgotten() -> None:
    timeline = Timeline()
    timeline.after(2.0, lambda: timeline.after(3.0, seen.append, "later"))
    seen: list[str] = []
    assert timeline.step()
    assert timeline.step()
    assert (timeline.now_s, seen) == (5.0, ["later"])
    timeline.after(1.0, seen.append, "never")
    timeline.clear()
    assert not timeline.step()
    assert seen == ["later"]
