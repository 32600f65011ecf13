"""What a run waits for, while the cluster gives it fewer actors than the settings ask for."""

from collections.abc import Mapping

from genre_batch.config import JobConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.schedule.events import Role

_PATIENCE_S = 20.0
_AGAIN_AFTER_S = 30.0


class Waiting:
    """Decides when to say what is missing: after 20 s, in which actors load their model, and each 30 s from then on.

    started_s: by the clock that `note` is given.
    """

    def __init__(self, config: JobConfig, gpus_each: float, started_s: float) -> None:
        predict = config.predict_pool
        self._asked = {Role.EXTRACT: config.extract.min_size, Role.PREDICT: predict.min_size}
        self._each = {Role.EXTRACT: f" ({config.extract.num_cpus:g} CPUs each)"}
        self._each[Role.PREDICT] = f" ({gpus_each:g} GPUs each)" if gpus_each else ""
        self._due_s = started_s + _PATIENCE_S

    def note(self, now_s: float, cluster: Cluster, ready: Mapping[Role, int]) -> str | None:
        """The line to say at `now_s`, given how many actors of each role can work; None where nothing is to be said."""
        missing = [role for role, asked in self._asked.items() if ready[role] < asked]
        if not missing or now_s < self._due_s:
            return None
        self._due_s = now_s + _AGAIN_AFTER_S
        found = " and ".join(
            f"{ready[role]} of {self._asked[role]} {role} actors{self._each[role]}" for role in missing
        )
        return f"waiting for Ray, which has started {found}; the cluster has {cluster.has()}"
