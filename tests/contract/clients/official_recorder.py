"""The official SDK's own client, which also keeps what came over the wire; any version of the package will do.

What a call returns here is the reply's JSON, after the SDK has made its model of it: the models refuse what is missing
or has another type, and what they do not know is collected, so that a test can name every field too many.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import kalshi_python_sync
from pydantic import BaseModel
from served import Served

Json = Any


class Recorder(kalshi_python_sync.KalshiClient):
    """One account's client."""

    def __init__(self, served: Served, *, key_id: str, private_key: str) -> None:
        configuration = kalshi_python_sync.Configuration(host=served.rest_url)
        configuration.api_key_id = key_id
        configuration.private_key_pem = private_key
        super().__init__(configuration)
        self.parsed: Any = None
        self.statuses: dict[str, int] = {}
        self.strangers: set[str] = set()

    @classmethod
    def of(cls, served: Served, account: str) -> Recorder:
        """Return the client of an account with the key that the exchange made for it."""
        return cls(served, key_id=served.key_id(account), private_key=served.private_key(account))

    def response_deserialize(self, *args: Any, **kwargs: Any) -> Any:
        """Keep what the SDK makes of a reply."""
        self.parsed = super().response_deserialize(*args, **kwargs)
        return self.parsed

    def ask(self, method: str, *args: Any, **kwargs: Any) -> Json:
        """Call a method of the SDK and return the reply's JSON, None if there is no body."""
        getattr(self, method)(*args, **kwargs)
        self.statuses[method] = self.parsed.status_code
        if not self.parsed.raw_data:
            return None
        raw = json.loads(self.parsed.raw_data)
        # For a status that it does not expect, the SDK returns None without a word.
        assert raw == {} or self.parsed.data is not None, (method, self.parsed.status_code, raw)
        self.strangers |= set(strangers(self.parsed.data, raw))
        return raw

    def refusal(self, method: str, *args: Any, **kwargs: Any) -> Json:
        """Call a method that is refused and return what a user of the SDK catches."""
        try:
            getattr(self, method)(*args, **kwargs)
        except kalshi_python_sync.ApiException as exc:
            self.statuses[method] = exc.status
            return {
                "class": type(exc).__name__,
                "status": exc.status,
                "body": json.loads(exc.body),
                "data": exc.data.to_dict() if exc.data is not None else None,
            }
        raise AssertionError(f"{method} was not refused")


def strangers(model: Any, raw: Json) -> Iterator[str]:
    """Yield `Model.field` for each field of the reply that the SDK's model does not know."""
    if isinstance(model, BaseModel) and isinstance(raw, dict):
        known = {field.alias or name: name for name, field in type(model).model_fields.items()}
        for key, value in raw.items():
            if key in known:
                yield from strangers(getattr(model, known[key]), value)
            else:
                yield f"{type(model).__name__}.{key}"
    elif isinstance(model, list) and isinstance(raw, list):
        for part, value in zip(model, raw, strict=True):
            yield from strangers(part, value)


def methods() -> set[str]:
    """Return the names of all calls that the SDK can make."""
    endings = ("_with_http_info", "_without_preload_content")
    return {
        name
        for api in vars(kalshi_python_sync).values()
        if isinstance(api, type) and api.__name__.endswith("Api")
        for name in vars(api)
        if not name.startswith("_") and not name.endswith(endings)
    }
