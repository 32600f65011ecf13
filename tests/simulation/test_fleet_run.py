"""A small fleet: its figures are consistent, and the coordinator's state does not grow with the catalog."""

from dataclasses import asdict

import pytest
from simulation.fleet import Workload
from simulation.fleet_run import FleetFigures, run_fleet

NOT_VIRTUAL = {"coordinator_cpu_s_per_million", "simulation_cpu_s", "state_peak_bytes"}


@pytest.fixture(scope="module")
def figures() -> FleetFigures:
    return run_fleet(400_000, 50, 13, 1, Workload(preempted=4.0))


def test_the_figures_are_consistent(figures: FleetFigures) -> None:
    assert figures.tracks_per_s == pytest.approx(figures.tracks / figures.took_s, rel=0.01)
    assert 0.8 < figures.extract_utilisation < 1.0
    assert 0.2 < figures.predict_utilisation < figures.extract_utilisation
    assert 0.0 < figures.tail_s < figures.took_s / 4
    batches = figures.tracks / 32
    assert 2 * batches < figures.events < 2.2 * batches
    assert figures.actors_replaced >= 10
    assert figures.most["calls"] <= 2 * (50 + 13)
    assert 0.0 < figures.coordinator_cpu_s_per_million < 60.0


def test_a_seed_determines_the_figures(figures: FleetFigures) -> None:
    again = run_fleet(400_000, 50, 13, 1, Workload(preempted=4.0))
    assert virtual(again) == virtual(figures)
    other = run_fleet(400_000, 50, 13, 2, Workload(preempted=4.0))
    assert other.took_s != figures.took_s


def virtual(figures: FleetFigures) -> dict[str, object]:
    return {name: figure for name, figure in asdict(figures).items() if name not in NOT_VIRTUAL}


def test_the_coordinators_state_is_no_larger_for_a_catalog_ten_times_the_size(figures: FleetFigures) -> None:
    small = run_fleet(40_000, 50, 13, 1, Workload(preempted=4.0))
    assert small.state_peak_bytes > 10_000
    assert figures.state_peak_bytes < 2 * small.state_peak_bytes
