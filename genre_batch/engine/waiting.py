"""What a run waits for, while the cluster gives it fewer actors than the settings ask for."""

from collections.abc import Sequence

from genre_batch.engine.cluster import Cluster
from genre_batch.stages.stage import Stage
from genre_batch.wording import plural

_PATIENCE_S = 20.0
_AGAIN_AFTER_S = 30.0


class Waiting:
    """Decides when to say what is missing: after 20 s, in which actors load their model, and every 30 s after that.

    started_s: by the clock that `note` is given.
    """

    def __init__(self, stages: Sequence[Stage], started_s: float) -> None:
        self._stages = stages
        self._due_s = started_s + _PATIENCE_S

    def note(self, now_s: float, cluster: Cluster, ready: Sequence[int]) -> str | None:
        """The line to print at `now_s`, from how many actors of each stage can work; None if nothing is missing."""
        counts = zip(self._stages, ready, strict=True)
        missing = [(stage, count) for stage, count in counts if count < stage.size.min_size]
        if not missing or now_s < self._due_s:
            return None
        self._due_s = now_s + _AGAIN_AFTER_S
        found = " and ".join(
            f"{count} of {stage.size.min_size} {stage.name} actors{_each(stage)}" for stage, count in missing
        )
        return f"waiting for Ray, which has started {found}; the cluster has {cluster.resources()}"


def starting(stages: Sequence[Stage], sizes: Sequence[int]) -> str:
    """What a run waits for at its start: "starting 2 extract actors and 1 predict actor"."""
    counts = (plural(size, f"{stage.name} actor") for stage, size in zip(stages, sizes, strict=True))
    return f"starting {' and '.join(counts)}"


def _each(stage: Stage) -> str:
    if stage.num_gpus:
        return f" ({stage.num_gpus:g} GPUs each)"
    return f" ({stage.num_cpus:g} CPUs each)" if stage.num_cpus else ""
