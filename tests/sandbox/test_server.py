"""Loading a handler. The running server is tested with the sandbox."""

import json

import pytest

from genre_batch.sandbox.server import load_handler


def test_finds_the_named_function() -> None:
    assert load_handler("json:dumps") is json.dumps


@pytest.mark.parametrize("name", ["no_such_module:f", "json:no_such_function"])
def test_an_unknown_name_is_an_error(name: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        load_handler(name)
