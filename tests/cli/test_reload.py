import json

import pytest

from traderd.cli import exit_codes

pytestmark = pytest.mark.process


def test_nothing_new_is_said_and_nothing_changes(shell):
    ran = shell("reload", "--dry-run")
    assert (ran.code, ran.out, ran.err) == (exit_codes.OK, "no setting has changed\n", "")


def test_the_answer_is_a_document_with_json(shell):
    ran = shell("reload", "--json")
    assert ran.code == exit_codes.OK
    assert json.loads(ran.out)["answer"] == "done"
