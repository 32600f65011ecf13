"""The settings of a publication, with and without an output."""

import pytest
from pydantic import ValidationError

from genre_batch.publish.publish_settings import PublishSettings
from genre_batch.publish.publishing import PublishConfig


def test_a_run_can_set_all_that_the_verb_can_but_the_output() -> None:
    assert PublishConfig.model_fields.keys() - PublishSettings.model_fields.keys() == {"output"}
    config = PublishConfig.model_validate({**dict(PublishSettings(delta=True, model="m")), "output": "/out"})
    assert (config.output, config.delta, config.model) == ("/out", True, "m")


@pytest.mark.parametrize("lake", [{"delta": True}, {"iceberg": "a.b.c"}])
def test_lake_tables_need_the_serving_files(lake: dict[str, object]) -> None:
    PublishSettings.model_validate(lake)
    with pytest.raises(ValidationError, match="register the serving files"):
        PublishSettings.model_validate({**lake, "serving": False})
