"""Answers questions about a Feast repository, one JSON object a line, in Feast's own environment.

ask.py FOLDER: the folder with feature_store.yaml and the definitions.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
from feast import FeatureStore
from feast.data_source import PushMode


class Store:
    """The questions, by name."""

    def __init__(self, folder: str) -> None:
        self._store = FeatureStore(folder)

    def historical(self, asked: list[tuple[str, str]]) -> list[dict[str, object]]:
        """The recommender's features of (track_id, time)."""
        entities = pd.DataFrame(asked, columns=["track_id", "event_timestamp"])
        entities["event_timestamp"] = pd.to_datetime(entities["event_timestamp"], format="ISO8601", utc=True)
        service = self._store.get_feature_service("recommender")
        frame = self._store.get_historical_features(entities, service).to_df()
        frame["event_timestamp"] = [time.isoformat() for time in frame["event_timestamp"]]
        return [
            {str(key): None if pd.isna(value) else value for key, value in row.items()}
            for row in frame.to_dict("records")
        ]

    def historical_embeddings(self, asked: list[tuple[str, str]]) -> dict[str, list[float] | None]:
        """The embedding of each track as of a time."""
        entities = pd.DataFrame(asked, columns=["track_id", "event_timestamp"])
        entities["event_timestamp"] = pd.to_datetime(entities["event_timestamp"], format="ISO8601", utc=True)
        frame = self._store.get_historical_features(entities, ["genres:embedding"]).to_df()
        values = [None if found is None else [float(value) for value in found] for found in frame["embedding"]]
        return dict(zip(frame["track_id"], values, strict=True))

    def materialize(self, until: str) -> None:
        self._store.materialize_incremental(datetime.fromisoformat(until))

    def online(self, tracks: list[str], features: list[str]) -> dict[str, list[object]]:
        rows = [{"track_id": name} for name in tracks]
        return self._store.get_online_features([f"genres:{name}" for name in features], rows).to_dict()

    def push(self, pattern: str) -> int:
        """Push the rows of these files to the online store."""
        files = sorted(Path("/").glob(pattern.lstrip("/")))
        rows = pd.concat([pd.read_parquet(file, partitioning=None) for file in files])
        self._store.push("genre_push", rows, to=PushMode.ONLINE)
        return len(rows)


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # Feast prints, too
    store = Store(sys.argv[1])
    for line in sys.stdin:
        question = json.loads(line)
        answer: Callable[..., object] = getattr(store, question.pop("ask"))
        answers.write(json.dumps(answer(**question), default=float) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
