"""A refusal in words."""

from traderd.core.verdict import Denied


def test_a_refusal_names_its_rule_and_its_control():
    denied = Denied(rule="size", control="C1", sentence="101 contracts; ask for less")
    assert denied.words == "denied by rule size: 101 contracts; ask for less [C1]"
    assert Denied(rule="state", sentence="not ready").words == "denied by rule state: not ready"
