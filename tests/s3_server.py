"""An S3 server that tests talk to."""

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class S3Server:
    """A running server; the tests' own way to it does not go through the package."""

    endpoint: str
    access_key: str
    secret_key: str

    def env(self) -> dict[str, str]:
        """What a process needs in its environment so that the AWS default chain leads to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            # for pyarrow, whose checksum trailers this server may not know
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }

    @cached_property
    def client(self) -> "S3Client":
        """The tests' own client; its methods may be called from all threads."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(request_checksum_calculation="when_required"),
        )

    def new_bucket(self) -> str:
        """The name of a fresh, empty bucket."""
        name = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return name
