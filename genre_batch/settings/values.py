"""Which values a setting takes, in words."""

from pydantic import JsonValue

from genre_batch.settings.json_schema import Schema, SchemaNode

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "keys with values",
}


def allowed_values(schema: Schema, node: SchemaNode) -> str:
    """What `node` takes, for example "a whole number above 0, or null (default null)"."""
    words = list(dict.fromkeys(_one(choice) for choice in schema.choices(node)))
    names = [str(choice.properties["name"].const) for choice in schema.choices(node) if "name" in choice.properties]
    if names:
        words = [f"a group of keys with `name`: {_either(names)}"]
    shown = isinstance(node.default, str | bool | int | float) or (node.default is None and "null" in words)
    return _either(words, ", or ") + (f" (default {_literal(node.default)})" if shown else "")


def _one(node: SchemaNode) -> str:
    if node.enum is not None:
        return _either([_literal(value) for value in node.enum])
    if node.const is not None:
        return _literal(node.const)
    if node.properties:
        return f"a group of keys: {', '.join(node.properties)}"
    words = _KINDS.get(node.kind or "", "a value")
    return f"{words} {limits}" if (limits := _limits(node)) else words


def _limits(node: SchemaNode) -> str:
    if node.minimum is not None and node.maximum is not None:
        return f"from {node.minimum:g} to {node.maximum:g}"
    limits = (
        ("of at least", node.minimum),
        ("above", node.above),
        ("of at most", node.maximum),
        ("below", node.below),
    )
    return " and ".join(f"{words} {limit:,g}" for words, limit in limits if limit is not None)


def _literal(value: JsonValue) -> str:
    """`value` as it stands in YAML."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value)


def _either(words: list[str], last: str = " or ") -> str:
    return ", ".join(words[:-1]) + (last if len(words) > 1 else "") + words[-1]
