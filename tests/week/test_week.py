"""A week of an unattended catalog that grows, changes and shrinks.

Nights are killed, fail and are started again; a backfill runs across them into the same output; a bundle is broken,
another one takes its place, and a publication is taken back.
"""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import ray
from faulty_proxy import FaultyProxy
from feature_store.feast_process import require_feast
from publish.lake_case import TABLE, catalog_environment, catalog_properties
from s3_server import S3Server
from week.history import download_serving, genres_by_feast, rows_by_snapshot, rows_by_sql, served_of
from week.music import Catalog, Sounds, Version, write_model
from week.nights import Nights, Read

from genre_batch import table
from genre_batch.model import bundle
from genre_batch.publish.pointer import steps
from genre_batch.publish.serving_rows import SERVING
from genre_batch.storage.open_store import open_store
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

ARCHIVE = {f"archive/{number:02d}": number for number in range(16)}
Labels = dict[Version, str]
World = tuple[Path, Sounds, FaultyProxy]
Served = dict[str, tuple[Version, str]]


@pytest.fixture(scope="module")
def world(moto_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A folder with two bundles and a broken one, sounds, and a proxy through which Ray and the runs access S3."""
    folder = tmp_path_factory.mktemp("week")
    write_model(folder / "old", ["blues", "jazz", "rock"])
    write_model(folder / "new", ["jazz", "rock", "blues"])
    shutil.copytree(folder / "old", folder / "broken")
    (folder / "broken" / bundle.GOLDEN_FILE).write_bytes(b"")
    with FaultyProxy(moto_s3.endpoint).running() as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield folder, Sounds(52, folder), proxy
        ray.shutdown()


@pytest.fixture(scope="module")
def labels(world: World) -> dict[str, Labels]:
    """The genre of every sound, by bundle."""
    folder, sounds, _ = world
    found = {name: sounds.labels(folder / name) for name in ("old", "new")}
    assert len(set(found["old"].values())) > 1
    return found


class Week:
    """The nights, and what readers were served after each."""

    def __init__(self, nights: Nights, labels: Labels) -> None:
        self.nights = nights
        self.labels = labels
        self.served: list[tuple[datetime, Served]] = []

    def check(self, *, waiting: dict[str, Version] | None = None) -> None:
        """Readers get every track of the catalog that is music, but those that wait for the backfill."""
        kept_back = (waiting or {}).items()
        now = [(name, version) for name, version in self.nights.catalog.now.items() if version >= 0]
        self.check_served({name: (v, self.labels[v]) for name, v in now if (name, v) not in kept_back})

    def check_served(self, expected: Served) -> None:
        rows = table.latest(self.nights.output, columns=["uri", "etag", "genre"])
        assert self.nights.catalog.named(rows) == expected
        self.served.append((datetime.now(UTC), expected))


@pytest.fixture(scope="module")
def passed() -> list[Week]:
    """The week, once it has passed, for what is looked up in it afterwards."""
    return []


def test_a_week_leaves_the_right_table_every_night(
    moto_s3: S3Server,
    world: World,
    labels: dict[str, Labels],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    passed: list[Week],
) -> None:
    folder, sounds, proxy = world
    catalog = Catalog(moto_s3, sounds, moto_s3.new_bucket())
    nights = Nights(catalog, proxy, ray.get_runtime_context().gcs_address, folder / "old")
    week, reads = Week(nights, labels["old"]), Counter[Read]()
    iceberg = set_iceberg(monkeypatch, nights.output, tmp_path)

    # a backfill begins: it lists the archive, and does little
    catalog.put(ARCHIVE)
    little = ("max_core_hours=1e-9", "extract.max_size=1")
    report = nights.score("backfill", *little).ended()
    assert report["left"]
    reads += nights.reads()

    # night 1: new tracks
    catalog.put({f"new/1{letter}": 20 + number for number, letter in enumerate("abc")})
    assert nights.night()["done"] == 3
    week.check(waiting=ARCHIVE)
    reads += nights.reads()

    # night 2: killed beside the backfill, started again; a track that the backfill has not done has changed
    fresh = {"new/2a": 23, "new/2b": 24, "new/2z": 25, "new/1a": 26, "archive/15": 27}
    catalog.put(fresh)
    nights.send_at(night := nights.score("nightly", publish=True), "new/2z", signal.SIGKILL)
    nights.meet(["archive/15"], ARCHIVE.keys() - {"archive/15"})
    backfill = nights.score("backfill", *little)
    night.ended(-signal.SIGKILL)
    assert backfill.ended()["left"]
    proxy.before.clear()
    nights.note_in_hand(fresh)
    nights.night()
    week.check(waiting=ARCHIVE)
    reads += nights.reads()

    # night 3: stopped by SIGTERM, started again; the catalog shrinks
    catalog.delete("new/1b", "archive/14")
    fresh = {f"new/3{letter}": 30 + number for number, letter in enumerate("abcz")}
    catalog.put(fresh)
    nights.send_at(night := nights.score("nightly", publish=True), "new/3z", signal.SIGTERM)
    night.ended(130)
    nights.note_in_hand(fresh)
    nights.night()
    week.check(waiting=ARCHIVE)
    reads += nights.reads()

    # night 4: most of what is new is not music, also when the scheduler starts it again; nothing changes for readers
    catalog.put({"new/4a": -1, "new/4b": -2, "new/4c": -3, "new/4d": 40})
    nights.score("nightly", publish=True).ended(3)
    tried = nights.reads()
    assert tried.total() == 4
    nights.score("nightly", publish=True).ended(3)
    assert not nights.reads()
    nights.start("publish", nights.output).ended(3)
    week.check(waiting=ARCHIVE | {"new/4d": 40})
    reads += tried

    # night 5: the new bundle is broken, and the old one is taken; enough music comes to outweigh what was rejected; the
    # backfill comes to its end
    catalog.delete("new/4a", "new/4b", "new/4c")
    catalog.put({f"new/5{letter}": 41 + number for number, letter in enumerate("abcdefgh")})
    nights.score("nightly", f"bundle={folder}/broken", publish=True).ended(2)
    assert not nights.reads()
    nights.night()
    week.check(waiting=ARCHIVE)
    nights.score("backfill", publish=True).ended()
    week.check()
    reads += nights.reads()
    check_reads(reads, nights)

    # night 6: another bundle labels everything, is compared with the old one, and takes its place
    nights.bundle = folder / "new"
    candidate = nights.score("backfill").ended()["model_id"]
    week.check()
    compared = nights.start("compare", nights.output, str(report["model_id"]), str(candidate)).ended()
    assert compared["tracks"] == len(catalog.now), compared
    nights.start("publish", nights.output, "--model", str(candidate), "--iceberg", TABLE).ended()
    week.labels = labels["new"]
    week.check()
    nights.night()
    assert nights.reads() == Counter(catalog.now.items())

    # night 7: a publication is taken back, and then served after all
    _, then = week.served[-1]
    catalog.put({"new/7a": 50, "new/2a": 51})
    nights.night()
    week.check()
    nights.start("publish", nights.output, "--rollback", "--iceberg", TABLE).ended()
    week.check_served(then)
    nights.start("publish", nights.output, "--set", "again=true", "--iceberg", TABLE).ended()
    week.check()

    check_output(nights)
    check_history(week, folder / "serving", iceberg)
    passed.append(week)


def test_feast_knows_what_the_week_served(world: World, passed: list[Week]) -> None:
    require_feast()
    assert passed, "the week has not passed: run the test before this one too"
    [week] = passed
    check_feast(week, world[0] / "serving", world[0] / "feast")


@pytest.mark.radosgw
def test_nights_on_ceph_with_a_ray_of_their_own(
    radosgw: S3Server,
    world: World,
    labels: dict[str, Labels],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    folder, sounds, _ = world
    catalog = Catalog(radosgw, sounds, radosgw.new_bucket())
    with FaultyProxy(radosgw.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        nights = Nights(catalog, proxy, "local", folder / "old")
        week = Week(nights, labels["old"])
        iceberg = set_iceberg(monkeypatch, nights.output, tmp_path)
        catalog.put({f"new/1{letter}": number for number, letter in enumerate("abcd")})
        nights.night()
        week.check()
        reads = nights.reads()
        _, then = week.served[-1]

        fresh = {"new/2a": 4, "new/2b": 5, "new/2z": 6, "new/1a": 7}
        catalog.put(fresh)
        catalog.delete("new/1b")
        nights.send_at(night := nights.score("nightly", publish=True), "new/2z", signal.SIGKILL)
        night.ended(-signal.SIGKILL)
        week.check_served(then)
        nights.note_in_hand(fresh)
        nights.night()
        week.check()
        reads += nights.reads()

        nights.start("publish", nights.output, "--rollback", "--iceberg", TABLE).ended()
        week.check_served(then)
        check_reads(reads, nights)
        check_output(nights)
        check_history(week, tmp_path, iceberg)


def set_iceberg(monkeypatch: pytest.MonkeyPatch, output: str, folder: Path) -> dict[str, str]:
    """Let publications find an Iceberg catalog; its properties."""
    properties = catalog_properties(output, folder)
    for name, value in catalog_environment(properties).items():
        monkeypatch.setenv(name, value)
    return properties


def check_reads(reads: Counter[Read], nights: Nights) -> None:
    """Nothing was read twice but what was in hand at a kill."""
    over = reads - nights.in_hand
    assert over
    assert max(over.values()) == 1, over


def check_output(nights: Nights) -> None:
    found = verify(VerifyConfig(output=nights.output))
    assert (found.damage, found.counts) == (0, {}), found


def check_history(week: Week, folder: Path, iceberg: dict[str, str]) -> None:
    """The serving table knows what was served after each night, and Iceberg has a snapshot for each publication."""
    output, named = week.nights.output, week.nights.catalog.named
    download_serving(week.nights.catalog, folder)
    log = list(steps(open_store(output), output))
    for at, served in week.served:
        by_sql = rows_by_sql(folder, at)
        by_snapshot = rows_by_snapshot(iceberg, next(step.step for step in log if step.at <= at))
        assert named(served_of(by_sql)) == named(served_of(by_snapshot)) == served
        order = [(name, "ascending") for name in ("step", "track_id")]
        assert (
            by_snapshot.select(SERVING.names).cast(SERVING).sort_by(order).equals(by_sql.cast(SERVING).sort_by(order))
        )


def check_feast(week: Week, folder: Path, scratch: Path) -> None:
    names = sorted({name for _, served in week.served for name in served})
    source = week.nights.catalog.source
    found = genres_by_feast(folder, scratch, [source + name for name in names], [at for at, _ in week.served])
    assert found == {
        (source + name, at): served[name][1] if name in served else None for at, served in week.served for name in names
    }
