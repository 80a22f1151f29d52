"""The lines to paste: the shell's are run here, the Python ones are compiled."""

import subprocess
from shutil import which

import pytest

from tests.process_tools import running_exchange
from traderd.cli.exchange_hints import start_lines
from traderd.paper.ready import Ready, ReadyAccount


def ready(key_type: str = "rsa", *, seeded: bool = True, accounts: int = 1, **more) -> Ready:
    return Ready(
        rest_url="http://127.0.0.1:1/trade-api/v2",
        ws_url="ws://127.0.0.1:1/trade-api/ws/v2",
        admin_url="http://127.0.0.1:2/admin",
        admin_file="/k/admin.json",
        seed=7,
        seeded=seeded,
        scenario="default",
        markets=12,
        **more,
        accounts=tuple(
            ReadyAccount(
                name=f"a{n}", key_id=f"id{n}", key_file=f"/my keys/a{n}.pem", key_type=key_type
            )
            for n in range(accounts)
        ),
    )


def test_everything_is_named_first():
    assert start_lines(ready(accounts=2))[:8] == [
        "REST       http://127.0.0.1:1/trade-api/v2",
        "WebSocket  ws://127.0.0.1:1/trade-api/ws/v2",
        "admin      http://127.0.0.1:2/admin (token in /k/admin.json)",
        "markets    12 (scenario default)",
        "seed       7 (ids repeat from run to run)",
        "account    a0: key id0 in /my keys/a0.pem",
        "account    a1: key id1 in /my keys/a1.pem",
        "",
    ]
    assert "seed       7 (drawn; ids are random)" in start_lines(ready(seeded=False))
    assert start_lines(ready(accounts=0))[-1].startswith("seed")


def test_a_state_file_is_named_and_what_counts_again_later():
    fresh, resumed = (
        start_lines(ready(state_file="/s/my.db", resumed=resumed)) for resumed in (False, True)
    )
    assert "state      /s/my.db (new)" in fresh
    assert "markets    12" in resumed
    assert "seed       7 (ids go on where they were)" in resumed
    (line,) = (line for line in resumed if line.startswith("state"))
    assert "goes on where it was" in line
    assert "from a reset on" in line


def test_paths_are_quoted_for_the_shell():
    assert "export KALSHI_PRIVATE_KEY_PATH='/my keys/a0.pem'" in start_lines(ready())


def test_an_ed25519_key_is_offered_only_to_clients_that_know_it():
    text = "\n".join(start_lines(ready("ed25519")))
    assert "export KALSHI_API_KEY_ID=id0" in text
    assert "know RSA keys only" in text
    assert "openssl" not in text


def test_the_python_lines_are_python():
    lines = start_lines(ready())
    python = [
        line for line in lines if line.startswith(("import", "client", "feed", "configuration"))
    ]
    assert len(python) == 8
    compile("\n".join(python), "snippet", "exec")


@pytest.mark.process
@pytest.mark.skipif(not (which("curl") and which("openssl")), reason="needs curl and openssl")
def test_the_curl_lines_work_as_they_stand(tmp_path):
    with running_exchange(tmp_path, events_per_s=0) as told:
        fields = {name: told[name] for name in Ready.__struct_fields__ if name != "accounts"}
        (account,) = told["accounts"]
        lines = start_lines(Ready(**fields, accounts=(ReadyAccount(**account),)))
        shell = [line for line in lines if line.startswith(("export", "TS", "SIGN", "curl"))]
        ran = subprocess.run(
            ["bash", "-euc", "\n".join(shell).replace("curl ", "curl -sS ")],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert '"balance_dollars":"1000.0000"' in ran.stdout
