"""Judging real documents by the schemas that the API describes them with."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from traderd.web.openapi import COMPONENTS

CURE = "describe new fields in traderd/web/schema_*.py"


def closed(schema: Any) -> Any:
    """Return the schema without room for fields that it does not name, so that every field has to be described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    if "properties" in schema and isinstance(schema.get("required"), list):
        inner["additionalProperties"] = False
    return inner


def misfits(schema: dict[str, Any], document: Any) -> list[str]:
    """Return where a document does not fit, and every field that is not described."""
    components = {name: closed(one) for name, one in COMPONENTS.items()}
    root = {**closed(schema), "components": {"schemas": components}}
    errors = jsonschema_rs.Draft202012Validator(root).iter_errors(document)
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message[:300]} ({CURE})" for e in errors]
