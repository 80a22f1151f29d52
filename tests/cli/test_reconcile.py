"""`traderd reconcile`: exit code 0 when all is equal, 7 with a table when not."""

import json

import pytest

from tests.cli.conftest import Shell, daemon_answering, run_traderd
from traderd.cli import exit_codes
from traderd.cli.reconcile import lines, summary

BALANCE = {"status": "proved", "is_drift": False, "sentence": "equal", "since": None}
UNEXPLAINED = {
    "status": "unexplained",
    "is_drift": True,
    "sentence": "-$1.00 is unexplained",
    "since": "then",
}
IN_DOUBT = {
    "key": "k1",
    "ticker": "A",
    "sentence": "order k1: it is not known whether it was placed",
}


def difference(kind="fill_missed", *, is_drift=True):
    return {
        "kind": kind,
        "subject": "t1",
        "ours": "not booked",
        "theirs": "bid 4",
        "is_drift": is_drift,
    }


def reconciliation(*readings, **changes):
    return {
        "version": 9,
        "read_at": "then",
        "balance": BALANCE,
        "mismatches": [],
        "settling": [],
        "readings": list(readings),
    } | changes


def test_only_what_was_found_since_counts():
    old, new = {"version": 3, "differences": [difference()]}, {"version": 4, "differences": []}
    assert not summary(reconciliation(old, new), after_version=3)["drift"]
    assert summary(reconciliation(old, new), after_version=2)["drift"]


def test_news_of_the_exchange_are_shown_and_are_no_drift():
    settled = difference("market_settled", is_drift=False)
    found = summary(reconciliation({"version": 4, "differences": [settled]}), after_version=3)
    assert (found["drift"], found["differences"]) == (False, [settled])


@pytest.mark.parametrize(
    "standing",
    [
        {"balance": UNEXPLAINED},
        {"mismatches": [{"ticker": "A", "sentence": "our fills make +1"}]},
    ],
)
def test_what_stands_is_drift_although_no_reading_told_it_again(standing):
    assert summary(reconciliation(**standing), after_version=9)["drift"]


def test_the_table_says_what_differed_and_the_verdict_comes_last():
    facts = reconciliation(
        {"version": 9, "differences": [difference()]},
        mismatches=[{"ticker": "A", "sentence": "our fills make +1"}],
        settling=["B"],
        balance=UNEXPLAINED,
    )
    shown = lines(summary(facts, after_version=8), environment="sim", width=None)
    assert shown[0].split() == [*("difference", "of", "environment", "we_had", "the_exchange_says")]
    assert shown[1].split() == ["fill_missed", "t1", "sim", "not", "booked", "bid", "4"]
    assert shown[2:] == [
        "MISMATCH   our fills make +1",
        "undecided  B: its settlement is not listed yet",
        "balance    -$1.00 is unexplained",
        "           since then",
        "DRIFT: reading 9 · sim",
    ]


@pytest.mark.parametrize(
    ("open_question", "said"),
    [
        ({"settling": ["B"]}, "undecided  B: its settlement is not listed yet"),
        (
            {"balance": BALANCE | {"status": "undecided", "sentence": "something moved"}},
            "undecided  balance: something moved",
        ),
        (
            {"balance": BALANCE | {"status": "inconclusive", "sentence": "inconclusive: 1 row"}},
            "undecided  balance: inconclusive: 1 row",
        ),
        (
            {"balance": BALANCE | {"status": "not_yet", "sentence": "not compared yet"}},
            "undecided  balance: not compared yet",
        ),
        ({"orders_in_doubt": [IN_DOUBT]}, f"undecided  {IN_DOUBT['sentence']}"),
    ],
)
def test_what_nobody_can_say_yet_is_neither_equal_nor_drift(open_question, said):
    found = summary(reconciliation(**open_question), after_version=9)
    assert (found["verdict"], found["drift"]) == ("undecided", False)
    shown = lines(found, environment="sim", width=None)
    assert said in shown
    assert shown[-1] == "undecided: reading 9 · sim"
    drifting = summary(reconciliation(**open_question, mismatches=[{}]), after_version=9)
    assert drifting["verdict"] == "drift"


@pytest.mark.process
@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.parametrize(
    ("facts", "code", "verdict"),
    [
        ({}, exit_codes.OK, "equal"),
        ({"balance": UNEXPLAINED}, exit_codes.DRIFT, "drift"),
        ({"orders_in_doubt": [IN_DOUBT]}, exit_codes.ERROR, "undecided"),
    ],
)
def test_the_process_ends_with_the_code_of_the_verdict(tmp_path, flags, facts, code, verdict):
    answers = {
        "/v3/reconciliation": (200, reconciliation(**facts)),
        "/v3/commands/calibrate": (200, {"answer": "done", "sentence": "read", "key": None}),
    }
    with daemon_answering(tmp_path, answers):
        ran = run_traderd("reconcile", "--state-dir", str(tmp_path), *flags, directory=tmp_path)
    assert (ran.code, ran.err) == (code, "")
    if flags:
        assert json.loads(ran.out)["verdict"] == verdict
    else:
        assert ran.out.splitlines()[-1].lower().startswith(f"{verdict}: reading 9")


@pytest.mark.process
def test_an_account_that_is_equal_ends_with_0(shell: Shell):
    ran = shell("reconcile")
    assert (ran.code, ran.err) == (exit_codes.OK, "")
    assert ran.out.splitlines()[-1].startswith("equal: reading ")
    assert "our entries and the exchange's balance are equal" in ran.out
    document = json.loads(shell("reconcile", "--json").out)
    assert (document["drift"], document["environment"]) == (False, "sim")
    assert document["balance"]["status"] == "proved"


@pytest.mark.process
def test_nothing_is_accepted_when_nothing_is_unexplained(shell: Shell):
    ran = shell("reconcile", "--accept-balance", "--json")
    assert ran.code == exit_codes.OK
    assert json.loads(ran.out)["sentence"] == "nothing of the balance is unexplained"


STANDS = {
    "item": "position:A",
    "ours": "+2",
    "theirs": "+5",
    "sentence": "our fills make +2",
    "may_adopt": True,
    "is_ignored": False,
}


def test_what_stands_is_named_and_what_is_ignored_is_no_drift():
    facts = reconciliation(standing=[STANDS, STANDS | {"item": "position:B", "is_ignored": True}])
    found = summary(facts, after_version=9)
    assert found["drift"]
    shown = lines(found, environment="sim", width=None)
    assert "stands     position:A: +2 here, +5 there" in shown
    assert "ignored    position:B: +2 here, +5 there" in shown
    calm = reconciliation(standing=[STANDS | {"is_ignored": True}])
    assert not summary(calm, after_version=9)["drift"]


def test_who_decided_is_told_what_stands_still_and_not_what_was_found_before():
    facts = reconciliation({"version": 9, "differences": [difference("position")]})
    assert summary(facts, after_version=8)["drift"]
    assert summary(facts, after_version=8, decided=True)["verdict"] == "equal"
    facts = reconciliation(standing=[STANDS])
    assert summary(facts, after_version=9, decided=True)["verdict"] == "drift"


@pytest.mark.process
@pytest.mark.parametrize(
    ("flags", "answer", "code"),
    [
        (("--adopt", "all"), (200, "done"), exit_codes.OK),
        (("--ignore", "position:A", "--json"), (200, "done"), exit_codes.OK),
        (("--adopt", "balance", "--dry-run"), (200, "done"), exit_codes.OK),
        (("--adopt", "nothing"), (409, "denied"), exit_codes.REFUSED),
    ],
)
def test_a_decision_is_sent_and_its_refusal_is_the_exit_code(tmp_path, flags, answer, code):
    status, word = answer
    item = {"answer": word, "sentence": "position:A adopted by ann", "key": None}
    outcome = {"answer": word, "sentence": "it is adopted", "key": None, "items": [item]}
    answers = {
        "/v3/reconciliation": (200, reconciliation()),
        "/v3/commands/reconcile": (status, outcome),
    }
    with daemon_answering(tmp_path, answers):
        ran = run_traderd("reconcile", "--state-dir", str(tmp_path), *flags, directory=tmp_path)
    assert ran.code == code
    if code == exit_codes.OK:
        assert "position:A adopted by ann" in ran.out


@pytest.mark.process
def test_a_dry_run_of_nothing_is_a_usage_error(tmp_path):
    with daemon_answering(tmp_path, {}):
        ran = run_traderd(
            "reconcile", "--state-dir", str(tmp_path), "--dry-run", directory=tmp_path
        )
    assert ran.code == exit_codes.USAGE
