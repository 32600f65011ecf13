"""The price list that users edit."""

from pathlib import Path

import pytest

from genre_batch.config import load
from genre_batch.errors import UsageError
from genre_batch.run.price_list import PriceList


def test_a_price_below_nothing_or_with_a_wrong_name_is_told(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("core_hour: -1.0\ncores_hour: 1.0\n")
    with pytest.raises(UsageError, match=r"core_hour: .*cores_hour: unknown key"):
        load(PriceList, str(file))
