import os
import subprocess
import sys

import pytest

from tests.cli.conftest import run_traderd
from traderd.cli.completion import LINES, VARIABLE


@pytest.mark.parametrize("shell", LINES)
def test_each_shell_gets_its_script(tmp_path, shell):
    ran = run_traderd("completion", shell, directory=tmp_path)
    assert ran.code == 0
    assert f"{VARIABLE}={shell}_complete" in ran.out


def test_what_the_script_calls_completes_commands_and_options(tmp_path):
    def complete(words):
        return subprocess.run(
            [sys.executable, "-m", "traderd"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={
                **os.environ,
                VARIABLE: "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split()) - 1),
            },
        ).stdout.split()

    assert "plain,doctor" in complete("traderd doc")
    assert "plain,--history" in complete("traderd status --hi")
