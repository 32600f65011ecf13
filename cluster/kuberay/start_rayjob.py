"""Create a RayJob from a file and wait for its end. A CronJob runs this in the image of the job.

    python start_rayjob.py FILE NAME [--image IMAGE] [--cuda-image IMAGE] [--service-account NAME]
                           [--set KEY=VALUE ...] [--print]

The options change what the file says: the image of the pods, and of those that ask for a GPU; what the pods run as;
settings of the run. `--print` writes the RayJob to stdout, for `kubectl apply --filename -`, and creates nothing.

A CronJob with `concurrencyPolicy: Forbid` starts nothing while its last Job runs, so this Job runs as long as the
RayJob. NAME is the Job's own name: a pod that replaces a lost one finds the RayJob under it, and starts no other.
Exit codes: 0 if the RayJob succeeded, 1 if not.
"""

import argparse
import json
import os
import shlex
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import yaml

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOK_EVERY_S = 15.0
_ANSWERS_WITHIN_S = 30.0
_ENDED = ("Complete", "Failed")
_GPU = "nvidia.com/gpu"

RayJob = Any
"""A RayJob as its YAML says it; the server checks its structure."""


@dataclass(frozen=True)
class RayJobs:
    """The RayJobs of one namespace. address: of the API server. account: folder with a token, read for each request."""

    address: str
    account: Path
    tls: ssl.SSLContext | None = None

    def create(self, rayjob: Mapping[str, object]) -> None:
        """Create a RayJob, unless one of its name exists. Raises HTTPError if the server refuses it."""
        try:
            self._send("", json.dumps(rayjob).encode())
        except HTTPError as error:
            if error.code != 409:
                raise

    def status(self, name: str) -> dict[str, str]:
        """The status of a RayJob, empty before its operator has seen it. Raises HTTPError if it does not exist."""
        found: dict[str, str] = self._send(f"/{name}").get("status", {})
        return found

    def _send(self, path: str, body: bytes | None = None) -> dict[str, dict[str, str]]:
        # Kubernetes replaces the token every hour
        token, namespace = ((self.account / name).read_text().strip() for name in ("token", "namespace"))
        url = f"{self.address}/apis/ray.io/v1/namespaces/{namespace}/rayjobs{path}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN_S, context=self.tls) as answer:
            sent: dict[str, dict[str, str]] = json.load(answer)
        return sent


def read_options(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of this program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("name")
    parser.add_argument("--image", help="of the head and of workers without GPUs")
    parser.add_argument("--cuda-image", help="of workers with GPUs")
    parser.add_argument("--service-account", help="what the pods of the cluster run as")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting of the run")
    parser.add_argument("--print", action="store_true", help="print the RayJob, and create nothing")
    return parser.parse_args(words)


def as_asked(options: argparse.Namespace) -> RayJob:
    """The RayJob of the file with what the options change."""
    rayjob = yaml.safe_load(options.file.read_text())
    rayjob["metadata"]["name"] = options.name
    settings = [word for setting in options.set for word in ("--set", setting)]
    rayjob["spec"]["entrypoint"] = f"{rayjob['spec']['entrypoint']} {shlex.join(settings)}".rstrip()
    for pod in _pods(rayjob):
        pod["serviceAccountName"] = options.service_account or pod["serviceAccountName"]
        for container in pod["containers"]:
            on_gpu = _GPU in container["resources"]["limits"]
            container["image"] = (options.cuda_image if on_gpu else options.image) or container["image"]
    return rayjob


def _pods(rayjob: RayJob) -> Iterator[RayJob]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        yield group["template"]["spec"]


def run(rayjobs: RayJobs, rayjob: RayJob, look_every_s: float = _LOOK_EVERY_S) -> int:
    """Create a RayJob, wait for its end, and return the exit code."""
    name = rayjob["metadata"]["name"]
    rayjobs.create(rayjob)
    while True:
        try:
            status = rayjobs.status(name)
        except HTTPError as error:
            if error.code == 404:
                print(f"RayJob {name} was deleted before it ended", file=sys.stderr)
                return 1
            print(f"the API server answered {error.code}", file=sys.stderr)
        except (URLError, OSError) as error:
            print(f"the API server does not answer: {error}", file=sys.stderr)
        else:
            if status.get("jobDeploymentStatus") in _ENDED:
                print(f"RayJob {name}: {status.get('jobStatus', 'not started')} {status.get('message', '')}".rstrip())
                return 0 if status.get("jobStatus") == "SUCCEEDED" else 1
        time.sleep(look_every_s)


if __name__ == "__main__":
    given = read_options(sys.argv[1:])
    asked = as_asked(given)
    if given.print:
        print(yaml.safe_dump(asked, sort_keys=False), end="")
        sys.exit(0)
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    here = RayJobs(server, _ACCOUNT, ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt")))
    sys.exit(run(here, asked))
