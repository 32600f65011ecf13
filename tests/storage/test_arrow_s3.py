"""Arrow reads S3 through Python, and no longer does so when the interpreter ends."""

import io
import threading

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from s3_server import S3Server

from genre_batch.storage.arrow_s3 import open_arrow_s3, wait_for_open_files

_HELD_S = 0.4


def put_table(server: S3Server, bucket: str) -> str:
    data = io.BytesIO()
    pq.write_table(pa.table({"number": range(1000)}), data)
    server.client.put_object(Bucket=bucket, Key="table.parquet", Body=data.getvalue())
    return f"{bucket}/table.parquet"


def test_the_table_is_read(moto_s3: S3Server, bucket: str) -> None:
    path = put_table(moto_s3, bucket)
    read = ds.dataset(path, filesystem=open_arrow_s3(), format="parquet").to_table()
    assert read["number"].to_pylist() == list(range(1000))
    del read
    assert wait_for_open_files()


def test_the_end_waits_for_a_file_that_a_thread_has_open(moto_s3: S3Server, bucket: str) -> None:
    file = open_arrow_s3().open_input_file(put_table(moto_s3, bucket))
    held = [file]
    del file
    thread = threading.Timer(_HELD_S, held.clear)
    assert not wait_for_open_files(longest_s=0.1)
    thread.start()
    assert wait_for_open_files()
    assert not held
    thread.join()
