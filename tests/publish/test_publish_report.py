"""What `publish` says on a terminal; `test_publishing.py` has refusals."""

from genre_batch.publish.publish_report import PublishReport


def test_what_was_written_and_registered_is_said() -> None:
    report = PublishReport(
        output="/table",
        outcome="published",
        step="00000001-00000000",
        model_id="a-1",
        runs=1,
        new_runs=("20261121T065212Z-616263",),
        answers=2,
        rulings=(),
        serving_rows=2,
        registered={"local.music.genres": 1, "/table/serving": 0},
    )
    assert report.summary().splitlines() == [
        "published 1 run; served now: a-1 with 2 answers of 1 run",
        "2 rows added to serving/",
        "1 step registered in local.music.genres",
    ]
