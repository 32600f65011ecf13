from genre_batch.engine.budget import Budget
from genre_batch.engine.telemetry import Held, costs_nothing


def held(core_hours: float, reads: int = 0) -> Held:
    return Held(core_hours, 0.0, reads, 0, 0)


def test_without_limits_a_budget_is_never_used() -> None:
    budget = Budget(None, None, lambda now: now.core_hours)
    assert not budget.is_limited
    assert not budget.is_used(held(1e9))
    assert budget.reached == ""


def test_core_hours_are_used_when_the_limit_is_reached_and_stay_so() -> None:
    budget = Budget(200.0, None, costs_nothing)
    assert budget.is_limited
    assert not budget.is_used(held(199.9))
    assert budget.is_used(held(200.0))
    assert budget.is_used(held(0.0))
    assert budget.reached == "max_core_hours=200"


def test_cost_counts_all_that_the_price_list_prices() -> None:
    budget = Budget(200.0, 12.5, lambda now: now.core_hours * 0.1 + now.reads * 0.001)
    assert not budget.is_used(held(100.0, reads=2_000))
    assert budget.is_used(held(100.0, reads=2_500))
    assert budget.reached == "max_cost=12.5"


def test_passes_of_one_start_share_a_budget() -> None:
    budget = Budget(200.0, None, costs_nothing)
    assert not budget.is_used(held(150.0))
    budget.next_pass()
    assert not budget.is_used(held(49.0))
    budget.next_pass()
    assert budget.is_used(held(1.0))
