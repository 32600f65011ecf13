"""What `recipes` prints."""

from genre_batch.model.bundle import SHIPPED_BUNDLES
from genre_batch.training.recipe_files import recipe_names
from genre_batch.training.recipe_list import recipe_list


def test_there_is_one_line_for_each_recipe_and_one_on_the_default() -> None:
    *lines, default = recipe_list().summary().splitlines()
    # those made the shipped bundles
    assert [line.split()[0] for line in lines] == [name for name in recipe_names() if name not in SHIPPED_BUNDLES]
    assert default == "`train` takes musicnn unless --recipe NAME gives another"
