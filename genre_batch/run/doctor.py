"""`doctor`: whether a run with these settings would work, one check after the other, each with what to do if it fails.

It reads one object of the source, and writes, replaces and deletes a small object of its own in the output.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.catalog_file import catalog_rows, is_catalog_file
from genre_batch.catalog.inventory import inventory_batches, is_inventory
from genre_batch.catalog.reject import printable
from genre_batch.catalog.source import folder_of
from genre_batch.catalog.track_table import one_by_one
from genre_batch.config import ScoreConfig
from genre_batch.engine.cluster import Cluster, connected
from genre_batch.errors import UserError
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import check_probabilities, check_segments
from genre_batch.model.open_predictor import open_predictor
from genre_batch.sink import layout
from genre_batch.storage.open_store import RequestPayer, absolute, open_store
from genre_batch.storage.s3_client import s3_client
from genre_batch.storage.store import StorageError, Store
from genre_batch.storage.uri import is_s3, split_s3

_MAX_SKEW_S = 60.0
_READ_BYTES = 64


class Check(BaseModel):
    """One check. message: what was found, on one line. fix: what to do if it failed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    passed: bool
    message: str
    fix: str = ""


class DoctorReport(BaseModel):
    """All checks, in the order in which a run depends on them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    checks: tuple[Check, ...]

    def summary(self) -> str:
        """The report as lines for a terminal."""
        lines = []
        for check in self.checks:
            lines.append(f"{'ok' if check.passed else 'NO':>4} {check.name}: {check.message}")
            if check.fix and not check.passed:
                lines.append(f"     fix: {check.fix}")
        return "\n".join(lines)

    def require(self) -> None:
        """Raise UserError if a check failed."""
        failed = [check for check in self.checks if not check.passed]
        if failed:
            raise UserError(f"{failed[0].name} failed: {failed[0].message}", failed[0].fix)


class _Failed(Exception):
    """A check found something that is wrong."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def doctor(config: ScoreConfig, with_cluster: Callable[[ScoreConfig], str] | None = None) -> DoctorReport:
    """Try everything that a run with these settings needs. with_cluster: looks at the cluster; for tests."""
    s3 = is_s3(config.source) or is_s3(config.output)
    checks: list[tuple[str, Callable[[], str], str]] = [
        ("credentials", _who, "set AWS_PROFILE or the other variables of the AWS default chain"),
        (
            "source",
            lambda: _source(config.source, config.request_payer),
            "check the name, and the permissions in cluster/aws/s3-policy.json",
        ),
        ("output", lambda: _output(config.output), "cluster/aws/s3-policy.json has the permissions that it needs"),
        ("region", lambda: _region(config), "run in the region of the bucket, or set AWS_REGION to it"),
        (
            "bundle",
            lambda: ", ".join(map(_bundle, config.of_each_bundle())),
            "give another bundle, or install what it needs",
        ),
        ("cluster", lambda: (with_cluster or _cluster)(config), "check RAY_ADDRESS, or lower min_size and num_cpus"),
    ]
    return DoctorReport(
        checks=tuple(
            _run(name, check, fix) for name, check, fix in checks if s3 or name not in ("credentials", "region")
        )
    )


def _run(name: str, check: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name=name, passed=True, message=printable(check()))
    except _Failed as failed:
        return Check(name=name, passed=False, message=printable(str(failed)), fix=failed.fix)
    except UserError as error:
        return Check(name=name, passed=False, message=printable(str(error)), fix=error.hint or fix)
    except StorageError as error:
        return Check(name=name, passed=False, message=printable(str(error)), fix=fix)


def _who() -> str:
    """Where the credentials come from and, on AWS, whose they are."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session()
    try:
        found = session.get_credentials()
        if found is None:
            raise _Failed("there are no credentials", "set AWS_PROFILE, or give the machine a role")
        where = f"from {found.method}"
        if "amazonaws.com" not in s3_client().meta.endpoint_url:
            return f"{where}, for {s3_client().meta.endpoint_url}"
        return f"{where}: {session.client('sts').get_caller_identity()['Arn']}"
    except (BotoCoreError, ClientError) as error:
        raise _Failed(str(error), "log in again, or check AWS_PROFILE") from error


def _source(source: str, request_payer: RequestPayer | None) -> str:
    """List the source, and read the beginning of its first object."""
    uri = _first_uri(source, request_payer)
    store = open_store(uri, request_payer)
    found = store.head(uri)
    data = store.read(uri, etag=found.etag, length=_READ_BYTES)
    return f"listed, and read {len(data)} bytes of {uri}"


def _first_uri(source: str, request_payer: RequestPayer | None) -> str:
    if is_catalog_file(source):
        uris = (row.uri for row in catalog_rows(absolute(source), request_payer))
    elif is_inventory(source):
        tracks = one_by_one(inventory_batches(absolute(source), request_payer))
        uris = (track.uri for track in tracks if track.size_bytes)
    else:
        uris = (found.uri for found in open_store(source, request_payer).list(folder_of(source)) if found.size_bytes)
    first = next(uris, None)
    if first is None:
        raise _Failed(f"there is no track in {source}", "check the prefix, folder or file name")
    return first


def _output(output: str) -> str:
    """Create, replace and delete an object under conditions that hold, and under those that do not."""
    store, uri = open_store(output), layout.at(output, f"{layout.RUNS_FOLDER}_doctor/{secrets.token_hex(8)}")
    try:
        wrong = list(_wrong_conditions(store, uri))
        skew_s = _skew_s(store, uri)
        store.delete(uri)
    except StorageError:
        with suppress(StorageError):
            store.delete(uri)
        raise
    if wrong:
        fix = "use storage that honours If-Match and If-None-Match on PUT: two drivers at once must not overwrite"
        raise _Failed(f"conditional writes do not work: {', '.join(wrong)}", fix)
    if abs(skew_s) > _MAX_SKEW_S:
        fix = "set this machine's clock; S3 refuses requests from clocks that are 15 minutes off"
        raise _Failed(f"the clock here is {skew_s:+.0f} s off that of the storage", fix)
    return f"created, replaced under a condition, and deleted; the clocks differ by {abs(skew_s):.0f} s"


def _wrong_conditions(store: Store, uri: str) -> Iterator[str]:
    if not store.create(uri, b"1"):
        yield "a new object was not created"
    if store.create(uri, b"2"):
        yield "If-None-Match did not protect an object"
    if not store.replace(uri, b"3", store.head(uri).etag):
        yield "If-Match with the right etag was refused"
    if store.replace(uri, b"4", "0" * 32):
        yield "If-Match did not protect an object"


def _skew_s(store: Store, uri: str) -> float:
    modified_at = store.head(uri).modified_at
    return (datetime.now(UTC) - modified_at).total_seconds() if modified_at else 0.0


def _region(config: ScoreConfig) -> str:
    """Whether the buckets are in the region of the client: elsewhere each byte costs money and time."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = s3_client()
    here, lines = client.meta.region_name or "us-east-1", []
    for uri in dict.fromkeys(uri for uri in (config.source, config.output) if is_s3(uri)):
        bucket = split_s3(uri)[0]
        try:
            headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        except (BotoCoreError, ClientError) as error:
            raise _Failed(f"{bucket}: {error}", "check the name of the bucket, and s3:ListBucket") from error
        there = headers.get("x-amz-bucket-region", here)
        if there != here:
            raise _Failed(f"{bucket} is in {there}, this machine uses {here}", f"run in {there}, or set AWS_REGION")
        lines.append(f"{bucket} in {there}")
    return ", ".join(lines)


def _bundle(config: ScoreConfig) -> str:
    """Whether the bundle gives its golden answers on this machine."""
    bundle = load_bundle(config.bundle)
    check_segments(bundle)
    check_probabilities(bundle, open_predictor(bundle, "cpu"))
    return f"{bundle.model_id} gives its golden answers here"


def _cluster(config: ScoreConfig) -> str:
    """What the cluster has, and whether the smallest pools fit."""
    with connected() as cluster:
        return room_for(config, cluster)


def room_for(config: ScoreConfig, cluster: Cluster) -> str:
    """What `cluster` has. Raises an error for the report if the smallest pools of these settings do not fit."""
    cpus = config.extract.min_size * config.extract.num_cpus
    gpus = config.predict.min_size * config.predict.gpus_each(cluster.gpus)
    asked, pool = Cluster(cpus, gpus, own=cluster.own).resources(), "extract.min_size or extract.num_cpus"
    if cpus > cluster.cpus or gpus > cluster.gpus:
        pool = "predict.min_size or predict.num_gpus" if gpus > cluster.gpus else pool
        raise _Failed(
            f"the settings ask for {asked}, the cluster has {cluster.resources()}",
            f"lower {pool}, or use a larger cluster; an autoscaler may add machines",
        )
    return f"{cluster.resources()}; the settings need at least {asked}"
