"""Two bundles with the same front end, and a run loop that answers without Ray."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sink.shard_rows import FACTS

from genre_batch import pipeline
from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.model import bundle as bundle_module
from genre_batch.model.scores import Score
from genre_batch.run.jobs import Job, scoring_job
from genre_batch.sink.schema import RejectedTrack
from genre_batch.stages.several import SeveralAnswers
from genre_batch.stages.stage import Flow, Stage

SILENT = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")
NOT_FINITE = Reject(RejectReason.NOT_FINITE, RejectStage.MODEL, "the model's answer is not a number")
GENRES = bundle_module.load_bundle("default").manifest.taxonomy.genres
HERE = Cluster(2.0, 0.0, own=True)


def copy_of(bundle: str, folder: Path, **changes: object) -> str:
    """A copy of a shipped bundle in `folder`, with another manifest: another model."""
    shutil.copytree(Path(bundle_module.__file__).parent / "bundles" / bundle, folder)
    manifest = folder / bundle_module.MANIFEST_FILE
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))
    return str(folder)


def settings(folder: Path, bundles: Sequence[str], *overrides: str) -> ScoreConfig:
    """Of a run over `folder`/in into `folder`/out, with one bundle or several."""
    models = f"bundle={bundles[0]}" if len(bundles) == 1 else f"bundles=[{','.join(bundles)}]"
    places = {"source": str(folder / "in"), "output": str(folder / "out")}
    return load(ScoreConfig, None, [models, *overrides], places)


class StandIn:
    """In place of `RunLoop`: what it says of a track depends on the track and on the bundle alone.

    passes: the parts and models of each pass so far.
    """

    passes: ClassVar[list[tuple[list[int], int]]] = []

    def __init__(self, flow: Flow, cluster: Cluster, work: Workload, usage: Usage, actors: object) -> None:
        self._flow, self._work = flow, work

    def run(self) -> None:
        predict: Stage = self._flow.stages[-1]
        models: Any = predict.arguments if self._flow.row is SeveralAnswers else [predict.arguments]
        self.passes.append(([part.index for part in self._work.parts], len(models)))
        for part in self._work.parts:
            tracks = self._work.read(part.start, part.stop)
            settled = self._work.settled(tracks)
            answered: list[object] = []
            rejected = [RejectedTrack(tracks[place], reject, 1) for place, reject in settled.items()]
            for place, track in enumerate(tracks):
                if "silent" in track.uri:
                    rejected.append(RejectedTrack(track, SILENT, 1))
                elif place not in settled:
                    self._answer(track, [model[0] for model in models], answered, rejected)
            self._work.commit(part, answered, rejected)

    def _answer(
        self, track: Track, bundles: Sequence[str], answered: list[object], rejected: list[RejectedTrack]
    ) -> None:
        scores = tuple(answer(track, bundle) for bundle in bundles)
        if self._flow.row is SeveralAnswers:
            answered.append(SeveralAnswers(track, (FACTS,) * len(scores), scores))
        elif isinstance(scores[0], Reject):
            rejected.append(RejectedTrack(track, scores[0], 1))
        else:
            answered.append(self._flow.row(track, FACTS, scores[0]))


def answer(track: Track, bundle: str) -> Score | Reject:
    """What the stand-in says: the second bundle has no answer for tracks with an odd name."""
    confidence = 0.5 + (hash((track.uri, bundle)) % 1000) / 2001
    if "odd" in track.uri and not bundle.startswith("default"):
        return NOT_FINITE
    others = [genre for genre in GENRES if genre != "jazz"]
    top_k = (("jazz", confidence), *((genre, (1 - confidence) / len(others)) for genre in others))
    return Score("jazz", confidence, top_k, False, 1)


@cache
def _job_of(bundle: str) -> Job[ScoreConfig]:
    """The job of any settings with this bundle, whose weights are checked once."""
    return scoring_job(ScoreConfig(source="/in", output="/out", bundle=bundle))


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the pipeline in this process, with the stand-in."""

    @contextmanager
    def here(_stages: object, **_settings: object) -> Iterator[Callable[[], Cluster]]:
        yield lambda: HERE

    def job(config: ScoreConfig) -> Job[ScoreConfig]:
        return replace(_job_of(config.bundle), config=config)

    monkeypatch.setattr(pipeline, "scoring_job", job)
    monkeypatch.setattr(pipeline, "cluster_when_needed", here)
    monkeypatch.setattr(pipeline, "_start_first", lambda *_: None)
    monkeypatch.setattr(pipeline, "RunLoop", StandIn)
    monkeypatch.setattr("genre_batch.run.possession._DEAD_AFTER_S", 0.0)
    monkeypatch.setattr(StandIn, "passes", [])
