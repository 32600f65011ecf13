"""Rules that pick which S3 requests fail, and how. A seed decides, so the outcome does not depend on threads."""

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
    SKEWED = auto()
    ARCHIVED = auto()
    REQUESTER_PAYS = auto()
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
    """`fault` for a share `rate` of the requests with `method` whose `/bucket/key` matches the expression `keys`.

    first: apply to only the first so many requests of each key. after: let so many matching requests pass first, over
    all keys.
    """

    fault: Fault
    method: str = "GET"
    keys: str = ""
    rate: float = 1.0
    first: int | None = None
    after: int = 0


class FaultRules:
    """The first rule that matches and strikes decides. Not thread-safe."""

    def __init__(self, rules: list[Rule], seed: int = 0) -> None:
        self._rules = rules
        self._seed = seed
        self._of_key: Counter[tuple[str, str]] = Counter()
        self._of_rule: Counter[int] = Counter()

    def next(self, method: str, key: str) -> Fault:
        """The fault of the next request. Except for `after`, only the seed and the requests of this key decide."""
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
    """The key without its bucket, because the tests' buckets have random names."""
    return key.removeprefix("/").partition("/")[2]


def _share(name: str) -> float:
    """A number in [0, 1), derived from `name`."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest()) / 2**56
