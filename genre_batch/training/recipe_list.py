"""`recipes`: the recipes that come with the package, with one line on each."""

from pydantic import BaseModel, ConfigDict

from genre_batch.model.bundle import SHIPPED_BUNDLES
from genre_batch.training.recipe_files import DEFAULT_RECIPE, recipe_names, recipe_summary


class RecipeList(BaseModel):
    """The outcome of `genre-batch recipes`. recipes: what each one is, by name. default: the one `train` takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    recipes: dict[str, str]
    default: str

    def summary(self) -> str:
        """The recipes for a terminal, one line each."""
        width = max(map(len, self.recipes))
        lines = [f"{name:<{width}}  {what}" for name, what in self.recipes.items()]
        return "\n".join([*lines, f"`train` takes {self.default} unless --recipe NAME gives another"])


def recipe_list() -> RecipeList:
    """All recipes, without those that made the shipped bundles: their cards describe GTZAN, not a user's tracks."""
    names = [name for name in recipe_names() if name not in SHIPPED_BUNDLES]
    return RecipeList(recipes={name: recipe_summary(name) for name in names}, default=DEFAULT_RECIPE)
