"""Create a RayJob from a file and wait for its end. A CronJob runs this in the image of the job.

    python start_rayjob.py FILE NAME

A CronJob with `concurrencyPolicy: Forbid` starts nothing while its last Job runs, so this Job runs as long as the
RayJob. NAME is the Job's own name: a pod that replaces a lost one finds the RayJob under it, and starts no other.
Exit codes: 0 if the RayJob succeeded, 1 if not.
"""

import json
import os
import ssl
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError

import yaml

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOK_EVERY_S = 15.0
_ANSWERS_WITHIN_S = 30.0
_ENDED = ("Complete", "Failed")


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


def run(rayjobs: RayJobs, file: Path, name: str, look_every_s: float = _LOOK_EVERY_S) -> int:
    """Create the RayJob of `file` as `name`, wait for its end, and return the exit code."""
    rayjob = yaml.safe_load(file.read_text())
    rayjob["metadata"]["name"] = name
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
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    here = RayJobs(server, _ACCOUNT, ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt")))
    sys.exit(run(here, Path(sys.argv[1]), sys.argv[2]))
