"""The JSON schema of a verb's settings: for editors as text, and for messages as a tree that can be searched."""

import json
from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from genre_batch.settings.notes import notes_of


def schema_text(kind: type[BaseModel]) -> str:
    """The JSON schema of the settings `kind`, each with its note, for an editor that checks and completes YAML.

    Nothing is required: what a file leaves out may stand on the command line.
    """
    schema = kind.model_json_schema(schema_generator=_WithNotes)
    schema.pop("required", None)
    dialect = {"$schema": GenerateJsonSchema.schema_dialect}
    return json.dumps(dialect | schema, indent=2)


class _WithNotes(GenerateJsonSchema):
    """Takes the description of each setting from the docstring of its class."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        for key, note in notes_of(schema["cls"]).items():
            described["properties"][key]["description"] = note
        return described


class SchemaNode(BaseModel):
    """The part of a JSON schema that says which values one setting takes. Read it with `schema_of`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ref: str | None = Field(default=None, alias="$ref")
    definitions: dict[str, Self] = Field(default_factory=dict, alias="$defs")
    any_of: list[Self] = Field(default_factory=list, alias="anyOf")
    one_of: list[Self] = Field(default_factory=list, alias="oneOf")
    properties: dict[str, Self] = Field(default_factory=dict)
    kind: str | None = Field(default=None, alias="type")
    enum: list[JsonValue] | None = None
    const: JsonValue = None
    default: JsonValue = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = Field(default=None, alias="exclusiveMinimum")
    below: float | None = Field(default=None, alias="exclusiveMaximum")


class Schema:
    """The settings of one verb as a tree of nodes."""

    def __init__(self, kind: type[BaseModel]) -> None:
        self._root = SchemaNode.model_validate(kind.model_json_schema())

    def choices(self, node: SchemaNode) -> list[SchemaNode]:
        """The nodes that `node` stands for, without references and unions."""
        if node.ref:
            return self.choices(self._root.definitions[node.ref.rpartition("/")[2]])
        members = [*node.any_of, *node.one_of]
        return [choice for member in members for choice in self.choices(member)] if members else [node]

    def find(self, location: tuple[int | str, ...]) -> SchemaNode | None:
        """The node at a location of a pydantic error; None if the settings have no such key."""
        node = self._root
        for part in location:
            choices = self.choices(node)
            below = [choice.properties[part] for choice in choices if part in choice.properties]
            tagged = [choice for choice in choices if _is_tagged(choice, part)]
            if not below and not tagged:
                return None
            node = (below or tagged)[0]
        return node

    def keys(self) -> list[str]:
        """The dotted paths of all settings, groups left out, in the order of the schema, each once."""
        return list(dict.fromkeys(self._keys(self._root, "")))

    def keys_at(self, location: tuple[int | str, ...]) -> list[str]:
        """The names of the settings of the group at `location`; empty if there is no such group."""
        node = self.find(location)
        return [] if node is None else [name for choice in self.choices(node) for name in choice.properties]

    def _keys(self, node: SchemaNode, prefix: str) -> Iterator[str]:
        for choice in self.choices(node):
            for name, child in choice.properties.items():
                below = list(self._keys(child, f"{prefix}{name}."))
                yield from below or [f"{prefix}{name}"]


def _is_tagged(node: SchemaNode, tag: int | str) -> bool:
    """Whether `node` is the member of a union that pydantic calls `tag`."""
    return "name" in node.properties and node.properties["name"].const == tag
