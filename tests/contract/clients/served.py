"""What every script of a client needs: where the exchange is, whose keys there are, and what its operator can do.

Runs in the client's own environment, so the standard library is all there is.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
POLL_S = 0.01


class Served:
    """A served exchange, found by its ready file."""

    def __init__(self, ready_file: str) -> None:
        ready = json.loads(Path(ready_file).read_text(encoding="utf-8"))
        self.rest_url: str = ready["rest_url"]
        self.ws_url: str = ready["ws_url"]
        self.accounts: dict[str, dict[str, str]] = {one["name"]: one for one in ready["accounts"]}
        self._admin_url: str = ready["admin_url"]
        self._token = json.loads(Path(ready["admin_file"]).read_text(encoding="utf-8"))["token"]

    def key_id(self, account: str) -> str:
        return self.accounts[account]["key_id"]

    def key_file(self, account: str) -> str:
        return self.accounts[account]["key_file"]

    def private_key(self, account: str) -> str:
        return Path(self.key_file(account)).read_text(encoding="utf-8")

    def operate(self, verb: str, **body: Any) -> Any:
        """Do what the operator does, and return what came of it."""
        request = urllib.request.Request(
            f"{self._admin_url}/{verb}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return json.load(reply)


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Wait until the condition gives something true: feeds arrive in their own time."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {PATIENCE_S:g} s")
        time.sleep(POLL_S)
    return found


def tell(script: Callable[[Served], Any]) -> None:
    """Run a script against the exchange of the ready file named by the command line, and print its document."""
    print(json.dumps(script(Served(sys.argv[1])), default=str))
