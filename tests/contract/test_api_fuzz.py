"""Schemathesis, bounded, against a daemon in `sim`: no answer is a server error, and every answer is as it is described."""

import json
import subprocess
import sys
import urllib.request

from tests.process_tools import running_daemon

BUDGET_S = 600
"""Bounds the whole run by the clock; by processor time it takes some 20 s."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx", "503"]
"""
"""503 is what an unhealthy daemon answers on /v3/health, and what a verb answers that is not possible now."""


def test_schemathesis_finds_no_server_error_and_no_answer_that_is_not_described(tmp_path):
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with running_daemon(tmp_path / "state") as daemon:
        daemon.wait_ready()
        url = daemon.url
        token = (tmp_path / "state" / "control.token").read_text()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(tmp_path / "schemathesis.toml")),
                *("run", f"{url}/v3/openapi.json", "--header", f"Authorization: Bearer {token}"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"),
                *("--checks", ",".join(CHECKS), "--continue-on-failure", "--no-shrink"),
                *("--warnings", "off", "--request-timeout", "35"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUDGET_S,
        )
        assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
        assert "No issues found" in done.stdout or "passed" in done.stdout
        with urllib.request.urlopen(f"{url}/v3/log?limit=500") as answer:
            lines = json.load(answer)["log"]
    assert [line for line in lines if line["event"] == "web.defect"] == []
