"""What Feast serves from `OUTPUT/serving`: the genre of a track, as of any time.

`event_timestamp` is when a label was published, which is the first moment at which anyone could have used it. So an
answer as of some time has only what had been published by then, however old the run that labelled the track.
"""

import os
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Bool, Float32, String

OUTPUT = os.environ["GENRE_BATCH_OUTPUT"].rstrip("/")

track = Entity(name="track", join_keys=["track_id"], value_type=ValueType.STRING)

# a pattern, not the folder: it leaves out files that are being written
serving = FileSource(
    name="genre_serving",
    path=f"{OUTPUT}/serving/dt=*/*.parquet",
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
)

# the rows of a publication may also be pushed to the online store, without waiting for `materialize`
pushed = PushSource(name="genre_push", batch_source=serving)

genres = FeatureView(
    name="genres",
    entities=[track],
    ttl=timedelta(0),  # a label holds until the next one
    schema=[
        Field(name="track_id", dtype=String),
        Field(name="genre", dtype=String),
        Field(name="confidence", dtype=Float32),
        Field(name="genre_2", dtype=String),
        Field(name="confidence_2", dtype=Float32),
        Field(name="genre_3", dtype=String),
        Field(name="confidence_3", dtype=Float32),
        Field(name="abstained", dtype=Bool),
        Field(name="model_id", dtype=String),
        Field(name="embedding", dtype=Array(Float32)),
        Field(name="deleted", dtype=Bool),
    ],
    source=pushed,
)

recommender = FeatureService(
    name="recommender", features=[genres[["genre", "confidence", "genre_2", "confidence_2", "model_id"]]]
)
