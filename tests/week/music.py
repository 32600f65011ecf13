"""Music in a bucket that comes, changes and goes from night to night, and the label of each version."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import md5
from pathlib import Path

import audio_samples
import pandas as pd
from exported_models import linear_onnx
from s3_server import S3Server

from genre_batch import table
from genre_batch.config import ScoreConfig, load
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.golden import make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.model.write_bundle import write_bundle
from genre_batch.pipeline import score

_SAMPLE_RATE = 22_050
_FRONT_END = LogMelFrontEnd(n_mels=128, segment_frames=128, segment_hop_frames=32)

Version = int
"""The number of a sound; a negative one is not music."""


def write_model(folder: Path, genres: list[str]) -> None:
    """A bundle of a linear model, small enough to start at once, whose answers are these genres."""
    name, (rows, columns) = folder.name, _FRONT_END.segment_shape
    manifest = BundleManifest(
        name=name,
        architecture=OnnxSettings(layout="BHW"),
        front_end=_FRONT_END,
        taxonomy=Taxonomy(genres=genres),
        thresholds={},
    )
    weights = {"model.onnx": linear_onnx(["B", rows, columns], rows * columns, len(genres))}
    draft = Bundle(str(folder), manifest, weights)
    write_bundle(folder, manifest, weights, make_golden(draft, open_predictor(draft, device="cpu")))


@dataclass
class Sounds:
    """Short, distinct sounds, by version."""

    versions: int
    folder: Path

    @cached_property
    def bodies(self) -> dict[Version, bytes]:
        sounds = {number: self._encoded(number) for number in range(self.versions)}
        return sounds | {-number: b"no music" * number for number in range(1, 10)}

    @cached_property
    def version_of(self) -> dict[str, Version]:
        """The version of the bytes with this md5, which is their etag on S3."""
        return {md5(body).hexdigest(): number for number, body in self.bodies.items()}

    @staticmethod
    def _encoded(number: int) -> bytes:
        sound = audio_samples.chirp(3, _SAMPLE_RATE, 1, seed=number, noise=0.02 * (number % 5 + 1))
        return audio_samples.encode(sound, _SAMPLE_RATE, ("flac", "wav", "mp3")[number % 3])

    def labels(self, bundle: Path) -> dict[Version, str]:
        """The genre of every sound by a run over a folder that holds all of them."""
        music = self.folder / "sounds"
        music.mkdir(exist_ok=True)
        for number in range(self.versions):
            (music / f"{number}.wav").write_bytes(self.bodies[number])
        given = {"source": str(music), "output": f"{self.folder}/{bundle.name}-labels", "bundle": str(bundle)}
        score(load(ScoreConfig, None, ["extract.max_size=2", "predict.max_size=1"], given))
        rows = table.latest(given["output"], columns=["uri", "genre"])
        return {int(Path(uri).stem): genre for uri, genre in zip(rows["uri"], rows["genre"], strict=True)}


@dataclass
class Catalog:
    """The music of a bucket. now: the version of each track that is there."""

    server: S3Server
    sounds: Sounds
    bucket: str
    now: dict[str, Version] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"s3://{self.bucket}/music/"

    def key(self, name: str) -> str:
        """The track as the proxy sees it."""
        return f"/{self.bucket}/music/{name}"

    def put(self, versions: Mapping[str, Version]) -> None:
        for name, version in versions.items():
            body = self.sounds.bodies[version]
            self.server.client.put_object(Bucket=self.bucket, Key=f"music/{name}", Body=body)
        self.now |= versions

    def delete(self, *names: str) -> None:
        for name in names:
            self.server.client.delete_object(Bucket=self.bucket, Key=f"music/{name}")
            del self.now[name]

    def objects(self, prefix: str) -> Iterator[str]:
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        yield from (entry["Key"] for page in pages for entry in page.get("Contents", []))

    def read(self, key: str) -> bytes:
        return self.server.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def named(self, rows: pd.DataFrame) -> dict[str, tuple[Version, str]]:
        """Rows of an output with uri, etag and genre: version and genre by name of the track."""
        names = [uri.removeprefix(self.source) for uri in rows["uri"]]
        versions = [self.sounds.version_of[etag] for etag in rows["etag"]]
        assert len(names) == len(set(names))
        return dict(zip(names, zip(versions, rows["genre"], strict=True), strict=True))
