"""The labelled listing: a corpus, once found, as one Parquet file that `train` and `evaluate` read again."""

import io
from collections.abc import Sequence

from genre_batch.catalog.corpora import LABELLED_FILE, LabelledTrack
from genre_batch.storage.open_store import join


def labelled_file(output: str) -> str:
    """The file that `output` means: itself where it is named `.parquet`, else a file in that folder."""
    return output if output.lower().endswith(".parquet") else join(output, LABELLED_FILE)


def labelled_parquet(tracks: Sequence[LabelledTrack]) -> bytes:
    """A Parquet file with uri, track_id, genre, artist ("" where it is not known), etag, size_bytes and split.

    The same tracks give the same bytes. With the etags a training reads the very bytes that were listed, or none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "uri": [labelled.track.uri for labelled in tracks],
        "track_id": [labelled.track.track_id for labelled in tracks],
        "genre": [labelled.genre for labelled in tracks],
        "artist": [labelled.artist for labelled in tracks],
        "etag": [labelled.track.etag for labelled in tracks],
        "split": [labelled.part for labelled in tracks],
    }
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    sizes = pa.array([labelled.track.size_bytes for labelled in tracks], pa.int64())
    buffer = io.BytesIO()
    pq.write_table(table.append_column("size_bytes", sizes), buffer)
    return buffer.getvalue()
