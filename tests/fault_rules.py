"""Which requests to an S3 server go wrong, and how: by a seed, so that threads cannot change what comes."""

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b


class Fault(Enum):
    """What happens to one request."""

    NONE = auto()
    SLOW_DOWN = auto()
    CONFLICT = auto()
    DENIED = auto()
    EXPIRED = auto()
    SHORT_BODY = auto()
    SHORT_LENGTH = auto()
    LOST_ANSWER = auto()
    STALLED_BODY = auto()
    TRICKLING_BODY = auto()
    NO_ANSWER = auto()
    NO_RANGES = auto()
    NO_CONDITIONS = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """`fault` for a share `rate` of the requests by `method` whose `/bucket/key` the expression `keys` is found in.

    first: of each key, only that many requests. after: only once so many requests have fitted, whatever their keys.
    """

    fault: Fault
    method: str = "GET"
    keys: str = ""
    rate: float = 1.0
    first: int | None = None
    after: int = 0


class FaultRules:
    """The first rule that fits and strikes decides. Not for several threads at once."""

    def __init__(self, rules: list[Rule], seed: int = 0) -> None:
        self._rules = rules
        self._seed = seed
        self._of_key: Counter[tuple[str, str]] = Counter()
        self._of_rule: Counter[int] = Counter()

    def next(self, method: str, key: str) -> Fault:
        """The fault of the next request. But for `after`, it depends on the seed and the count for this key alone."""
        self._of_key[method, key] += 1
        count = self._of_key[method, key]
        faults = [self._fault(number, method, key, count) for number in range(len(self._rules))]
        return next((fault for fault in faults if fault is not Fault.NONE), Fault.NONE)

    def _fault(self, number: int, method: str, key: str, count: int) -> Fault:
        rule = self._rules[number]
        if method != rule.method or not re.search(rule.keys, key):
            return Fault.NONE
        self._of_rule[number] += 1
        strikes = (
            self._of_rule[number] > rule.after
            and (rule.first is None or count <= rule.first)
            and _share(f"{self._seed} {number} {method} {count} {_within_bucket(key)}") < rule.rate
        )
        return rule.fault if strikes else Fault.NONE


def _within_bucket(key: str) -> str:
    """The key alone: tests have buckets with random names."""
    return key.removeprefix("/").partition("/")[2]


def _share(name: str) -> float:
    """A number in [0, 1) that follows from `name`."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest()) / 2**56
