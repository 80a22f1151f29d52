"""What `exchange serve` says once it serves: where everything is, and lines to paste for the usual clients.

Owns: the words and the snippets; each one runs as it stands.
Must not: print.
"""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import urlsplit

from traderd.kalshi.auth import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from traderd.paper.ready import Ready, ReadyAccount

BALANCE: Final = "/portfolio/balance"
_RSA: Final = (
    "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign"
)


def start_lines(ready: Ready) -> list[str]:
    """Return the whole message; its snippets are for the first account."""
    lines = [
        f"REST       {ready.rest_url}",
        f"WebSocket  {ready.ws_url}",
        f"admin      {ready.admin_url} (token in {ready.admin_file})",
        f"markets    {ready.markets}{'' if ready.resumed else f' (scenario {ready.scenario})'}",
        f"seed       {ready.seed} ({_ids(ready)})",
        *_state_lines(ready),
        *(
            f"account    {each.name}: key {each.key_id} in {each.key_file}"
            for each in ready.accounts
        ),
    ]
    if ready.accounts:
        lines += ["", *_snippets(ready, ready.accounts[0])]
    return lines


def _ids(ready: Ready) -> str:
    if not ready.seeded:
        return "drawn; ids are random"
    return "ids go on where they were" if ready.resumed else "ids repeat from run to run"


def _state_lines(ready: Ready) -> list[str]:
    if ready.state_file is None:
        return []
    if not ready.resumed:
        return [f"state      {ready.state_file} (new)"]
    later = "the scenario and opening cash count again from a reset on"
    return [f"state      {ready.state_file} (goes on where it was; {later})"]


def _snippets(ready: Ready, account: ReadyAccount) -> list[str]:
    lines = [
        f"# {account.name}, for any client:",
        f"export KALSHI_API_KEY_ID={account.key_id}",
        f"export KALSHI_PRIVATE_KEY_PATH={shlex.quote(account.key_file)}",
        f"export KALSHI_REST_URL={ready.rest_url}",
        f"export KALSHI_WS_URL={ready.ws_url}",
        "",
    ]
    if account.key_type != "rsa":
        return [
            *lines,
            "# pykalshi 2.0, kalshi-python-sync 3.2 and the curl line know RSA keys only:",
            "# make one with --key-type rsa and another account name.",
        ]
    return [*lines, *_python_lines(ready), "", *_curl_lines(ready)]


def _python_lines(ready: Ready) -> list[str]:
    return [
        "# pykalshi (it takes key id and key file from the variables above):",
        "import pykalshi",
        f'client = pykalshi.KalshiClient(api_base="{ready.rest_url}")',
        f'feed = pykalshi.Feed(client); feed._ws_url = "{ready.ws_url}"',
        "",
        "# kalshi-python-sync (3.2 needs serve --dialect legacy):",
        "import os, pathlib, kalshi_python_sync",
        f'configuration = kalshi_python_sync.Configuration(host="{ready.rest_url}")',
        'configuration.api_key_id = os.environ["KALSHI_API_KEY_ID"]',
        "configuration.private_key_pem = "
        'pathlib.Path(os.environ["KALSHI_PRIVATE_KEY_PATH"]).read_text()',
        "client = kalshi_python_sync.KalshiClient(configuration)",
    ]


def _curl_lines(ready: Ready) -> list[str]:
    path = f"{urlsplit(ready.rest_url).path}{BALANCE}"
    return [
        "# curl (milliseconds, method and path are what is signed):",
        "TS=$(date +%s%3N)",
        f'SIGNATURE=$(printf %s "${{TS}}GET{path}" | {_RSA} "$KALSHI_PRIVATE_KEY_PATH" '
        "| openssl base64 -A)",
        f'curl "$KALSHI_REST_URL{BALANCE}" -H "{KEY_HEADER}: $KALSHI_API_KEY_ID" '
        f'-H "{TIMESTAMP_HEADER}: $TS" -H "{SIGNATURE_HEADER}: $SIGNATURE"',
    ]
