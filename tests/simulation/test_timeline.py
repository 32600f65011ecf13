"""Virtual time only moves forward, and actions run in the order they were scheduled for."""

from hypothesis import given
from hypothesis import strategies as st
from simulation.timeline import Timeline


@given(st.lists(st.integers(0, 5), max_size=30))
def test_actions_run_by_time_and_those_of_the_same_time_in_the_order_of_scheduling(delays: list[int]) -> None:
    timeline, seen = Timeline(), []
    for number, delay_s in enumerate(delays):
        timeline.after(delay_s, lambda *what: seen.append((timeline.now_s, *what)), number)
    while timeline.step():
        pass
    assert seen == sorted((delay_s, number) for number, delay_s in enumerate(delays))


def test_an_action_may_schedule_another_and_all_can_be_cancelled() -> None:
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
