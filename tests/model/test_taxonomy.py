"""The list of genres is one that outputs can be told apart by."""

import pytest
from pydantic import ValidationError

from genre_batch.model.taxonomy import Taxonomy


def test_the_order_is_kept() -> None:
    assert Taxonomy(genres=["rock", "blues"]).genres == ["rock", "blues"]


@pytest.mark.parametrize("genres", [["rock"], ["rock", "blues", "rock"], ["rock", ""]], ids=str)
def test_one_genre_a_double_or_an_empty_name_is_refused(genres: list[str]) -> None:
    with pytest.raises(ValidationError):
        Taxonomy(genres=genres)
