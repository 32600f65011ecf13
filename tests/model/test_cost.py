"""What a model costs on a CPU, measured as a run on a cluster with GPUs measures it."""

from genre_batch.run.placement import measured_s


def test_the_cost_of_a_track_is_measured_in_a_process_of_its_own() -> None:
    assert 0.0005 < measured_s("cheap") < 5.0
