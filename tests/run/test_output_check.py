"""An output that cannot be written is a usage error, reported before anything is listed, with the argument's name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch import pipeline
from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError, UserError
from genre_batch.run.output_check import require_writable_output


@pytest.mark.parametrize("verb", [pipeline.score, pipeline.plan])
def test_a_bucket_that_does_not_exist_is_named_before_the_source_is_listed(
    moto_s3: S3Server, tmp_path: Path, verb: Callable[[ScoreConfig], object]
) -> None:
    places = {"source": str(tmp_path / "absent"), "output": "s3://no-such-bucket/out"}
    with pytest.raises(UsageError) as refused:
        verb(load(ScoreConfig, None, (), places))
    assert str(refused.value).startswith("OUTPUT s3://no-such-bucket/out cannot be used: The bucket of")
    assert refused.value.exit_code == 2
    assert "create the bucket" in refused.value.hint


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(UsageError, match="is not a folder") as refused:
        require_writable_output(str(tmp_path / "out"))
    assert "folder that this user may write" in refused.value.hint


def test_a_server_that_does_not_answer_may_do_so_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UserError) as refused:
        require_writable_output("s3://bucket/out")
    assert refused.value.exit_code == 1
    assert "AWS_ENDPOINT_URL" in refused.value.hint
