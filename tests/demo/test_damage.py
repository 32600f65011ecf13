"""Damage on purpose."""

from genre_batch.demo.damage import Damage, damage

CONTENT = bytes(range(256)) * 40


def test_nothing_is_left_of_an_emptied_file() -> None:
    assert damage(CONTENT, Damage.EMPTIED) == b""


def test_a_truncated_file_is_the_beginning_of_the_good_one() -> None:
    left = damage(CONTENT, Damage.TRUNCATED)
    assert 0 < len(left) < len(CONTENT) / 2
    assert CONTENT.startswith(left)


def test_overwriting_keeps_the_length_and_is_the_same_each_time() -> None:
    left = damage(CONTENT, Damage.OVERWRITTEN)
    assert len(left) == len(CONTENT)
    assert left != CONTENT
    assert left == damage(CONTENT, Damage.OVERWRITTEN)


def test_a_playlist_is_text() -> None:
    assert damage(CONTENT, Damage.PLAYLIST).decode().startswith("#EXTM3U\n")
