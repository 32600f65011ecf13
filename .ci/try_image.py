"""Does what cluster/Dockerfile does for its target `cpu`, without Docker: in a fresh environment and an empty folder.

    python .ci/try_image.py FOLDER

FOLDER is made, and becomes the home of the image's user. The script copies the files that the image gets, runs its RUN
lines with its ENV there, tries the result with `try-wheel`, and fails if the wheels that were installed are more than
1.2 GB together. Two things differ from the image: lines that need root are left out, and where UV_FIND_LINKS names a
folder with PyTorch's own build for CPUs, torch comes from there and not from PyTorch's index.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
TARGET = "cpu"
MOST_BYTES = 1_200_000_000
_NEED_ROOT = ("apt-get", "useradd")
_TORCH_INDEX = "--torch-backend cpu"


def stage(text: str, target: str) -> list[tuple[str, str]]:
    """The instructions of a target of a Dockerfile, (name, rest), those of the stages it starts from first."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stages: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in re.sub(r"\s*\\\n\s*", " ", lines).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            parent, _, own = rest.split()
            current = stages[own] = list(stages.get(parent, []))
        elif name:
            current.append((name, rest))
    return stages[target]


def build(folder: Path) -> dict[str, str]:
    """Carry out the target in `folder`, and return the environment that the image has."""
    app, environment = folder / "app", folder / "venv"
    app.mkdir(parents=True)
    venv.create(environment, with_pip=True, symlinks=True)
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "RAY_ADDRESS")}
    env |= {"HOME": str(folder), "VIRTUAL_ENV": str(environment), "PATH": f"{environment}/bin:{env['PATH']}"}
    for name, rest in stage((ROOT / "cluster/Dockerfile").read_text(encoding="utf-8"), TARGET):
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, app / target / Path(source).name if target == "./" else app / target)
        elif name == "ENV":
            env |= dict(word.split("=", 1) for word in shlex.split(rest))
        elif name == "RUN":
            _run(rest, app, env)
    return env


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _run(command: str, app: Path, env: dict[str, str]) -> None:
    if command.startswith(_NEED_ROOT):
        print(f"left out, needs root: {command.split(' &&', maxsplit=1)[0]}", flush=True)
        return
    here = command.replace(" --system", "")
    if env.get("UV_FIND_LINKS"):
        here = here.replace(f" {_TORCH_INDEX}", "")
    print(here, flush=True)
    subprocess.run(["bash", "-euo", "pipefail", "-c", here], cwd=app, env=env, check=True)


def wheels(folder: Path, env: dict[str, str]) -> dict[str, int]:
    """The size in bytes of the wheel of each installed package, by its name, as the index or the file states it."""
    lock, app = folder / "pylock.toml", folder / "app"
    frozen = subprocess.run(["uv", "pip", "freeze"], env=env, check=True, capture_output=True, text=True).stdout
    pins = [line for line in frozen.splitlines() if " @ " not in line]
    command = ["uv", "pip", "compile", "-", "--quiet", "--no-deps", "--format", "pylock.toml", "--output-file", lock]
    index = [] if env.get("UV_FIND_LINKS") else _TORCH_INDEX.split()
    subprocess.run(
        [*command, *index], cwd=app, env=env, check=True, input="\n".join(pins), text=True, stdout=subprocess.DEVNULL
    )
    fitting = {str(tag): rank for rank, tag in enumerate(sys_tags())}
    sizes: dict[str, int] = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]:
        ranked = []
        for wheel in package["wheels"]:
            address = wheel.get("url") or Path(app, wheel["path"]).as_uri()
            tags = parse_wheel_filename(unquote(address.rsplit("/", 1)[-1]))[3]
            if ranks := [fitting[str(tag)] for tag in tags if str(tag) in fitting]:
                ranked.append((min(ranks), _size(address, wheel)))
        sizes[canonicalize_name(package["name"])] = min(ranked)[1]
    return sizes


def _size(address: str, wheel: dict[str, int]) -> int:
    return wheel.get("size") or Path(unquote(urlsplit(address).path)).stat().st_size


def main() -> int:
    """Build, try and weigh. Returns the exit code."""
    folder = Path(sys.argv[1]).absolute()
    env = build(folder)
    sizes = wheels(folder, env)
    for name, size_bytes in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{size_bytes / 1e6:8.1f} MB {name}")
    total = sum(sizes.values())
    print(f"{total / 1e6:8.1f} MB in {len(sizes)} wheels, at most {MOST_BYTES / 1e6:.0f}", flush=True)
    (folder / "try").mkdir()
    subprocess.run([ROOT / ".ci/try-wheel", "image"], cwd=folder / "try", env=env, check=True)
    return 0 if total <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
