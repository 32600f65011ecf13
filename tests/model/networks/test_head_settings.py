"""A bundle says which head its trunk has."""

import pytest
from pydantic import ValidationError

from genre_batch.model.networks.head_settings import KernelHead, LogisticHead
from genre_batch.model.networks.settings import TrunkSettings


@pytest.mark.parametrize("head", [LogisticHead(penalty=3.0, tags={}), KernelHead(width=1.0)])
def test_json_brings_back_the_same_head(head: LogisticHead | KernelHead) -> None:
    settings = TrunkSettings(head=head)
    assert TrunkSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("head", [{"name": "forest"}, {"name": "svm", "width": 1.0}])
def test_other_heads_are_refused(head: dict[str, str | float]) -> None:
    with pytest.raises(ValidationError):
        TrunkSettings.model_validate({"head": head})
