import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genre_batch.catalog import text_rows
from genre_batch.catalog.catalog_file import is_catalog_file
from genre_batch.catalog.text_rows import read_rows
from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import ObjectGone, ReadFailed

ROWS = [{"uri": 'a,b\n"c" 😀', "track_id": "1"}, {"uri": "e\u0301", "track_id": ""}]


def cells(path: Path) -> list[dict[str, str]]:
    return [row.cells for row in read_rows(str(path), ["uri"], ["track_id"])]


def test_a_csv_file_is_read_cell_by_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.CSV"
    path.write_bytes('\ufeffextra, track_id ,uri\n,1,"a,b\n""c"" 😀"\n\nx,,e\u0301\n'.encode())
    assert cells(path) == ROWS
    assert [row.place for row in read_rows(str(path), ["uri"])] == ["line 3", "line 5"]


def test_a_compressed_csv_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path, plain = tmp_path / "a.csv.GZ", '\ufeffextra,track_id,uri\n,1,"a,b\n""c"" 😀"\n\nx,,e\u0301\n'.encode()
    path.write_bytes(gzip.compress(plain[:20]) + gzip.compress(plain[20:]))
    assert cells(path) == ROWS
    assert is_catalog_file(str(path))


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 30), slice(3, None)])
def test_a_damaged_compressed_file_is_reported(tmp_path: Path, damage: slice) -> None:
    path, rows = tmp_path / "a.csv.gz", "".join(f"{number * 7919 % 10007}\n" for number in range(1000))
    path.write_bytes(gzip.compress(f"uri\n{rows}".encode())[damage])
    with pytest.raises(UsageError, match="not a whole gzip file"):
        cells(path)


def test_short_rows_have_empty_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("uri,track_id\r\nx\r\n,\r\n")
    assert cells(tmp_path / "a.csv") == [{"uri": "x", "track_id": ""}, {"uri": "", "track_id": ""}]


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_a_parquet_file_is_read_whatever_its_kind_of_text(tmp_path: Path, text: pa.DataType) -> None:
    values = {"uri": pa.array([row["uri"] for row in ROWS]).cast(text), "track_id": pa.array([1, None])}
    pq.write_table(pa.table({"extra": [1.0, 2.0]} | values), tmp_path / "a.parquet")
    assert cells(tmp_path / "a.parquet") == ROWS


def test_a_large_csv_file_is_streamed_in_few_reads(tmp_path: Path, monkeypatch) -> None:
    body = "uri\n" + "".join(f"{number:0100d}\n" for number in range(100_000))
    (tmp_path / "a.csv").write_text(body)
    reads = []

    class Counting(LocalStore):
        def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
            reads.append(length)
            return super().read(uri, etag=etag, start=start, length=length)

    monkeypatch.setattr(text_rows, "open_store", lambda uri, payer: Counting())
    rows = [row.cells["uri"] for row in read_rows(f"{tmp_path}/a.csv", ["uri"])]
    assert rows == [f"{number:0100d}" for number in range(100_000)]
    assert reads == [8 << 20, len(body) - (8 << 20)]


@pytest.mark.parametrize("content", ["", "path,id\n1,2\n"])
def test_a_csv_file_without_the_column_is_wrong_usage(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(UsageError, match="no column `uri`"):
        cells(tmp_path / "a.csv")


@pytest.mark.parametrize("content", ["uri\ncaf\xe9\n".encode("latin-1"), b'uri\n"open\n', b"uri\n" + b"x" * 200_000])
def test_a_malformed_csv_file_is_wrong_usage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UsageError, match="is not a CSV file"):
        cells(tmp_path / "a.csv")


def test_a_malformed_parquet_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="is not a Parquet file"):
        cells(tmp_path / "a.parquet")
    pq.write_table(pa.table({"uri": [["list"]]}), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="is not a Parquet file"):
        cells(tmp_path / "a.parquet")
    pq.write_table(pa.table({"path": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="no column `uri`"):
        cells(tmp_path / "a.parquet")


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "none"])
def test_damaged_pages_are_wrong_usage(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"uri": [f"{number}.wav" for number in range(1000)]})
    pq.write_table(table, path, compression=compression)
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(range(255, 155, -1)) + data[200:])
    with pytest.raises(UsageError, match="is not a Parquet file that can be read"):
        cells(path)


def test_text_that_is_not_utf8_is_wrong_usage(tmp_path: Path) -> None:
    offsets, characters = pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfea")
    pq.write_table(
        pa.table({"uri": pa.Array.from_buffers(pa.string(), 1, [None, offsets, characters])}), tmp_path / "a.parquet"
    )
    with pytest.raises(UsageError, match="is not a Parquet file that can be read"):
        cells(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["uri", "track_id"])
def test_a_duplicate_column_is_wrong_usage(tmp_path: Path, name: str) -> None:
    names = ["uri", "track_id", name]
    pq.write_table(pa.Table.from_arrays([pa.array(["x"])] * 3, names=names), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text(f"{','.join(names)}\nx,y,z\n")
    for file in ("a.parquet", "a.csv"):
        with pytest.raises(UsageError, match=f"more than one column `{name}`"):
            cells(tmp_path / file)


def test_a_failure_of_the_store_is_not_reported_as_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"uri": ["x"]}), tmp_path / "a.parquet")

    class Breaking(LocalStore):
        def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
            raise ReadFailed("line cut")

    monkeypatch.setattr(text_rows, "open_store", lambda uri, payer: Breaking())
    with pytest.raises(ReadFailed, match="line cut"):
        cells(tmp_path / "a.parquet")


def _unregistered(path: Path) -> None:
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": b"\x80\x04."}
    inner = pa.field("inner", pa.binary(), metadata=metadata)
    table = pa.table({"uri": ["x"], "more": pa.array([{"inner": b""}], pa.struct([inner]))})
    pq.write_table(table, path)


def _registered(path: Path) -> None:
    pq.write_table(pa.table({"uri": ["x"], "id": pa.array([b"0" * 16], pa.uuid())}), path)


@pytest.mark.parametrize("write", [_unregistered, _registered])
def test_extension_types_are_refused(tmp_path: Path, write) -> None:
    write(tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="extension type"):
        cells(tmp_path / "a.parquet")


def test_a_missing_file_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ObjectGone):
        cells(tmp_path / "a.csv")
