"""The words of which the schemas of answers are made (JSON Schema, draft 2020-12, as OpenAPI 3.1 wants it).

Owns: how a price, an amount, a moment look as text in JSON, and short ways to write an object, a list, a choice.
Must not: know a document (the other `schema_` modules do).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema."""

ANY: Final[Schema] = {}
TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "number"}
WHOLE: Final[Schema] = {"type": "integer"}
TALLY: Final[Schema] = {"type": "integer", "minimum": 0}
SECONDS: Final[Schema] = {"type": "number", "minimum": 0, "description": "Seconds."}
MILLISECONDS: Final[Schema] = {"type": "number", "minimum": 0, "description": "Milliseconds."}
DOLLARS: Final[Schema] = {
    "type": "string",
    "pattern": r"^-?[0-9]+\.[0-9]+$",
    "description": "An exact decimal of dollars; never a float.",
}
PRICE: Final[Schema] = {
    "type": "string",
    "pattern": r"^-?[0-9]+\.[0-9]{4,6}$",
    "description": "An exact decimal of dollars a contract, of the YES side.",
}
COUNT: Final[Schema] = {
    "type": "string",
    "pattern": r"^-?[0-9]+\.[0-9]{2}$",
    "description": "An exact decimal of contracts; a position of NO is below 0.",
}
MOMENT: Final[Schema] = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z$",
    "description": "A moment in UTC.",
}
TICKER: Final[Schema] = {"type": "string", "description": "A market's ticker."}
SIDE: Final[Schema] = {"enum": ["bid", "ask"], "description": "bid buys YES, ask buys NO."}


def record(*, optional: Schema | None = None, **fields: Schema) -> Schema:
    """Return an object with these fields; those of `optional` may be left out.

    A newer daemon may add fields, so readers must pass over what they do not know.
    """
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
    }


def list_of(item: Schema) -> Schema:
    """Return a list of `item`."""
    return {"type": "array", "items": item}


def map_of(value: Schema) -> Schema:
    """Return an object with any names and values of one kind."""
    return {"type": "object", "additionalProperties": value}


def maybe(schema: Schema) -> Schema:
    """Return `schema` or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def choice(*words: str) -> Schema:
    """Return one of these texts."""
    return {"enum": list(words)}


def named(name: str) -> Schema:
    """Return a reference to a schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


ERROR: Final = record(
    error=record(code=TEXT, sentence=TEXT, cure=TEXT),
)
"""The body of every answer that is not a success: a code for programs, a sentence and a cure for people."""
