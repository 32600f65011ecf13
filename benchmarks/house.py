"""The size of the package and what a typical change to it costs, measured from its source.

    python benchmarks/house.py [CHECKOUT]

Prints one JSON object: sizes, small files with one importer, public names that several modules define, and the files
whose code names an existing column, sink, metric, network, front end and codec: another one touches about as many.
"""

import ast
import json
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

EXAMPLES = {
    "column": {"decoder"},
    "sink": {"Ledger"},
    "metric": {"roc_auc"},
    "network": {"ShortCnn", "short_cnn"},
    "front end": {"MfccFrontEnd"},
    "codec": {"aiff", "AIFF"},
}
"""For each kind of thing, the names under which the code knows an existing one."""
COMMANDS, FORMATS = "genre_batch/cli/", "genre_batch/decode/formats/"
"""Commands are named like the functions they run, and all formats have the same functions."""


@dataclass(frozen=True)
class House:
    """The source of `genre_batch` in the checkout at `root`. Paths are relative to the checkout."""

    root: Path

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """The syntax tree of every module of the package and of `jobs/`."""
        files = sorted(file for folder in ("genre_batch", "jobs") for file in (self.root / folder).rglob("*.py"))
        return {str(file.relative_to(self.root)): ast.parse(file.read_text(encoding="utf-8")) for file in files}

    @cached_property
    def lines(self) -> dict[str, int]:
        """The lines of every module of the package, without the `__init__.py` files."""
        modules = [name for name in self.trees if not name.startswith("jobs/") and not name.endswith("__init__.py")]
        return {name: len((self.root / name).read_text(encoding="utf-8").splitlines()) for name in modules}

    @cached_property
    def importers(self) -> dict[str, set[str]]:
        """For every module of the package, the files that name it in an import or in a string."""
        files = {name.removesuffix(".py").replace("/", "."): name for name in self.lines}
        found: dict[str, set[str]] = {name: set() for name in self.lines}
        for importer, tree in self.trees.items():
            for module in _modules_named(tree):
                if module in files:
                    found[files[module]].add(importer)
        return found

    def small_files_with_one_importer(self) -> list[str]:
        """The modules of under 25 lines that could be part of the only file that uses them."""
        return [name for name, lines in self.lines.items() if lines < 25 and len(self.importers[name]) == 1]

    def homonyms(self) -> dict[str, list[str]]:
        """The public classes, functions and types that several modules define, except entry points, and modules of the
        same name.
        """
        places = defaultdict(list)
        for module in self.lines:
            places[Path(module).name].append(module)
            if not module.startswith((COMMANDS, FORMATS)):
                for name in _defined(self.trees[module]) - {"main"}:
                    places[name].append(module)
        return {name: sorted(modules) for name, modules in sorted(places.items()) if len(modules) > 1}

    def cost_of_change(self) -> dict[str, list[str]]:
        """For each kind, the modules whose code names the example. Docstrings and the demo do not count."""
        modules = [name for name in self.lines if not name.startswith("genre_batch/demo/")]
        names = {name: _names(self.trees[name]) for name in modules}
        return {kind: [name for name in modules if names[name] & example] for kind, example in EXAMPLES.items()}


def _modules_named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]


def _defined(tree: ast.Module) -> set[str]:
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    types = [node for node in tree.body if isinstance(node, ast.Assign) and "TypeVar" not in ast.unparse(node.value)]
    names |= {name for node in types if not (name := ast.unparse(node.targets[0])).isupper()}
    return {name for name in names if name.isidentifier() and not name.startswith("_")}


def _names(tree: ast.Module) -> set[str]:
    """Every identifier and every whole string of the code."""
    values = (getattr(node, field) for node in ast.walk(tree) for field in node._fields)
    return {value for value in values if isinstance(value, str)}


def measures(house: House) -> dict[str, object]:
    """All figures of the package."""
    sizes = Counter(house.lines)
    return {
        "modules": len(sizes),
        "lines": sum(sizes.values()),
        "median_lines": statistics.median(sizes.values()),
        "largest_files": dict(sizes.most_common(3)),
        "modules_with_one_importer": sum(len(files) == 1 for files in house.importers.values()),
        "small_files_with_one_importer": house.small_files_with_one_importer(),
        "homonyms": house.homonyms(),
        "cost_of_change": house.cost_of_change(),
    }


if __name__ == "__main__":
    checkout = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1]
    print(json.dumps(measures(House(checkout)), indent=1))
