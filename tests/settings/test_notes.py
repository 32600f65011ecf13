"""What settings mean, taken from docstrings."""

import pytest
from pydantic import BaseModel

from genre_batch.config import FeaturesConfig, ScoreConfig
from genre_batch.settings.notes import notes_of


class Parent(BaseModel):
    """A heading: not a note. size: how large it is; null for any.
    low, high: the limits.

    A paragraph that is no note.
    """

    size: int | None = None
    low: int = 0
    high: int = 9


class Child(Parent):
    """low: overrides the note of the parent. `high: 3` is no note."""

    name: str = ""


def test_a_note_runs_to_the_next_one_or_the_end_of_its_paragraph() -> None:
    assert notes_of(Parent) == {"size": "how large it is; null for any", "low": "the limits", "high": "the limits"}


def test_a_class_adds_to_the_notes_of_its_parents() -> None:
    notes = notes_of(Child)
    assert (notes["low"], notes["high"]) == ("overrides the note of the parent. `high: 3` is no note", "the limits")
    assert "name" not in notes


@pytest.mark.parametrize("kind", [ScoreConfig, FeaturesConfig])
def test_every_setting_of_a_run_has_a_note(kind: type[BaseModel]) -> None:
    assert set(notes_of(kind)) == set(kind.model_fields)
    for field in kind.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            assert set(notes_of(field.annotation)) == set(field.annotation.model_fields), field.annotation
