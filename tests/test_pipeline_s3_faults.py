"""The scoring job from S3 to S3 through a faulty proxy: no track is lost, scored twice or scored wrongly."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import audio_samples
import pytest
import ray
import typer
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server
from table_checks import check_run, comparable, rows

from genre_batch.config import ScoreConfig, load
from genre_batch.pipeline import score
from genre_batch.run.run_report import RunReport
from genre_batch.storage import s3_client
from genre_batch.terminal import exit_on_error

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

FORMATS = ["wav", "flac", "mp3", "ogg", "m4a"]
OF_EACH = 4
MUSIC = "/music/"
READ_TIMEOUT_S = 3


def shorter_read_timeout() -> Callable[[], None]:
    """A setup hook that gives Ray's workers a shorter read timeout. It is a closure, as workers cannot import tests."""

    def set_up() -> None:
        s3_client.READ_TIMEOUT_S = READ_TIMEOUT_S

    return set_up


@pytest.fixture(scope="module")
def proxy(moto_s3: S3Server) -> Iterator[FaultyProxy]:
    """A faulty proxy, through which Ray and this process access S3."""
    with FaultyProxy(moto_s3.endpoint).running() as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        patch.setenv("RAY_ADDRESS", "local")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"worker_process_setup_hook": shorter_read_timeout()},
        )
        yield proxy
        ray.shutdown()


class Catalog:
    """A bucket with music in several formats, and the outputs of runs over it."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.bucket = server.new_bucket()
        self.bodies = {
            f"{name}-{number}": audio_samples.encode(audio_samples.chirp(6 + number, seed=number), 44_100, name)
            for number in range(OF_EACH)
            for name in FORMATS
        }
        self.etags = self.fill()

    def fill(self) -> dict[str, str]:
        """Upload every track in its original version. Returns the etags by track_id."""
        return {f"s3://{self.bucket}{MUSIC}{name}": self._put(name, body) for name, body in self.bodies.items()}

    def _put(self, name: str, body: bytes) -> str:
        return self.server.client.put_object(Bucket=self.bucket, Key=f"music/{name}", Body=body)["ETag"].strip('"')

    def delete(self, name: str) -> None:
        self.server.client.delete_object(Bucket=self.bucket, Key=f"music/{name}")

    def overwrite(self, name: str) -> None:
        """Replace a track by different bytes of the same length."""
        self._put(name, self.bodies[name][:-1] + b"!")

    def just_before_it_is_read(self, proxy: FaultyProxy, name: str, action: Callable[[str], None]) -> None:
        proxy.before[f"/{self.bucket}{MUSIC}{name}"] = partial(action, name)

    def score(self, output: str) -> RunReport:
        given = {"source": f"s3://{self.bucket}/music/", "output": f"s3://{self.bucket}/{output}"}
        return score(load(ScoreConfig, None, ["bundle=cheap", "shard_tracks=7"], given))

    def table(self, output: str) -> Path:
        """A local copy of the output, downloaded without the proxy."""
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{output}/")
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
            target = self.folder / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.server.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return self.folder / output


@pytest.fixture(scope="module")
def catalog(moto_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog(moto_s3, tmp_path_factory.mktemp("outputs"))


@pytest.fixture(scope="module")
def clean(catalog: Catalog, proxy: FaultyProxy) -> Path:
    """The table of a run without faults."""
    proxy.follow()
    report = catalog.score("clean")
    assert (report.listed, report.scored) == (len(catalog.etags), len(catalog.etags))
    return catalog.table("clean")


def faults_seen(proxy: FaultyProxy) -> Counter[Fault]:
    return Counter(seen.fault for seen in proxy.seen)


def unpinned(proxy: FaultyProxy) -> list[str]:
    """The tracks that were read without If-Match."""
    return [seen.key for seen in proxy.seen if seen.method == "GET" and MUSIC in seen.key and not seen.if_match]


def test_transient_faults_leave_no_trace_in_the_table(catalog: Catalog, proxy: FaultyProxy, clean: Path) -> None:
    proxy.follow(
        Rule(Fault.STALLED_BODY, keys=f"{MUSIC}(wav-0|mp3-1)$", first=1),
        Rule(Fault.SHORT_BODY, keys=MUSIC, rate=0.15),
        Rule(Fault.LOST_ANSWER, keys=MUSIC, rate=0.05),
        Rule(Fault.SLOW_DOWN, rate=0.2),
        Rule(Fault.SLOW_DOWN, "PUT", rate=0.1),
        Rule(Fault.LOST_ANSWER, "PUT", rate=0.1),
        Rule(Fault.TRICKLING_BODY, keys=f"{MUSIC}ogg-0$", first=1),
        seed=5,
    )
    report = catalog.score("transient")
    seen = faults_seen(proxy)
    assert (seen[Fault.STALLED_BODY], seen[Fault.TRICKLING_BODY]) == (2, 1)
    assert min(seen[Fault.SHORT_BODY], seen[Fault.SLOW_DOWN], seen[Fault.LOST_ANSWER]) > 0
    assert unpinned(proxy) == []
    assert report.rejected == 0
    table = catalog.table("transient")
    check_run(table, str(report.run_id), catalog.etags)
    assert comparable(table, "scores") == comparable(clean, "scores")


def test_a_lasting_fault_rejects_only_its_track_and_the_next_run_retries_it(
    catalog: Catalog, proxy: FaultyProxy, clean: Path
) -> None:
    proxy.follow(
        Rule(Fault.STALLED_BODY, keys=f"{MUSIC}wav-1$"),
        Rule(Fault.TRICKLING_BODY, keys=f"{MUSIC}wav-3$"),
        Rule(Fault.NO_ANSWER, keys=f"{MUSIC}flac-1$"),
        Rule(Fault.SHORT_BODY, keys=f"{MUSIC}ogg-1$"),
        Rule(Fault.DENIED, keys=f"{MUSIC}m4a"),
        Rule(Fault.ARCHIVED, keys=f"{MUSIC}flac-2$"),
        Rule(Fault.NO_CONDITIONS, keys=f"{MUSIC}mp3-3$"),
    )
    catalog.just_before_it_is_read(proxy, "wav-2", catalog.delete)
    catalog.just_before_it_is_read(proxy, "mp3-2", catalog.overwrite)
    catalog.just_before_it_is_read(proxy, "mp3-3", catalog.overwrite)
    catalog.score("lasting")
    wanted = {f"m4a-{number}": "access_denied" for number in range(OF_EACH)}
    wanted |= dict.fromkeys(["wav-1", "wav-3", "flac-1", "ogg-1"], "read_failed")
    wanted |= {"wav-2": "gone", "mp3-2": "changed", "mp3-3": "changed", "flac-2": "archived"}
    table = catalog.table("lasting")
    assert {str(row["uri"]).rsplit("/", 1)[1]: row["reason"] for row in rows(table, "rejects")} == wanted
    spared = [row for row in comparable(clean, "scores") if str(row["uri"]).rsplit("/", 1)[1] not in wanted]
    assert comparable(table, "scores") == spared
    proxy.follow()
    catalog.fill()
    again = catalog.score("lasting")
    assert (again.skipped, again.scored, again.rejected) == (len(spared), len(wanted), 0)
    assert comparable(catalog.table("lasting"), "scores") == comparable(clean, "scores")


def test_expired_credentials_end_the_run_and_it_resumes_with_new_ones(
    catalog: Catalog, proxy: FaultyProxy, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later_shards = r"/expired/.*(-0*[1-9]\d*\.parquet|commits/0*[1-9]\d*\.json)$"
    proxy.follow(Rule(Fault.EXPIRED, keys=f"{MUSIC}(ogg|wav)"), Rule(Fault.EXPIRED, "PUT", later_shards))
    with pytest.raises(typer.Exit) as ended, exit_on_error():
        catalog.score("expired")
    assert ended.value.exit_code == 1
    error, hint = capsys.readouterr().err.strip().splitlines()[-2:]
    assert error.startswith("error: 's3://")
    assert error.endswith("cannot be written: the AWS credentials have expired (ExpiredToken).")
    assert hint.startswith("hint: renew them, for example with `aws sso login`")
    assert hint.endswith(", then start again: what is committed is kept")
    proxy.follow()
    report = catalog.score("expired")
    assert (report.resumed, report.scored, report.rejected) == (True, len(catalog.etags), 0)
    table = catalog.table("expired")
    check_run(table, str(report.run_id), catalog.etags)
    assert comparable(table, "scores") == comparable(clean, "scores")
