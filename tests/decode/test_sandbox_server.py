"""Loading a handler; what the running server does is tested with the sandbox."""

import pytest

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.sandbox_server import load_handler


def test_finds_the_function_that_is_named() -> None:
    assert load_handler("genre_batch.decode.decoder:decode_window") is decode_window


@pytest.mark.parametrize("name", ["genre_batch.decode.nothing:f", "genre_batch.decode.decoder:nothing"])
def test_a_name_that_is_none_is_an_error(name: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        load_handler(name)
