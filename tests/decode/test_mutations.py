"""1,100 files with random damage, in the sandbox that actors use: each is scored or gets a typed reject."""

from collections import Counter

import pytest
from mutations import ALLOWED, FORMATS, outcomes, replay

MUTANTS_PER_FORMAT = 100


@pytest.mark.slow
@pytest.mark.parametrize("encoding", FORMATS)
def test_every_mutated_file_is_scored_or_gets_a_typed_reject(encoding: str) -> None:
    found = dict(outcomes(encoding, range(MUTANTS_PER_FORMAT)))
    wrong = {replay(encoding, seed): end for seed, end in found.items() if end not in {"scored", *ALLOWED}}
    assert not wrong
    counts = Counter(found.values())
    assert sum(counts.values()) == MUTANTS_PER_FORMAT
    assert len(counts) > 1
    assert counts["decoder_crash"] + counts["decoder_timeout"] <= MUTANTS_PER_FORMAT // 20
