"""Fault plans: what is read, and what each wrong one is told."""

import textwrap
from pathlib import Path

import pytest

from traderd.errors import BadInput, ConfigError
from traderd.paper.faults.plan import (
    FaultKind,
    FaultRule,
    decode_fault_plan,
    parse_fault_plan,
)

PLAN = b"""
[[fault]]
kind = "lost_reply"
method = "POST"
path = "/portfolio/events/orders"
account = "alice"
probability = 0.05

[[fault]]
kind = "slow_reply"
min_ms = 20
max_ms = 400
after_s = 30
for_s = 60

[[fault]]
kind = "clock_offset"
seconds = -7.5
"""


def test_a_plan_is_a_list_of_rules_in_its_order():
    lost, slow, clock = parse_fault_plan(PLAN).fault
    assert lost == FaultRule(
        kind=FaultKind.LOST_REPLY,
        method="POST",
        path="/portfolio/events/orders",
        account="alice",
        probability=0.05,
    )
    assert (slow.min_ms, slow.max_ms, slow.after_s, slow.for_s) == (20, 400, 30.0, 60.0)
    assert clock.seconds == -7.5
    assert parse_fault_plan(b"").fault == ()


def test_the_documentation_names_every_kind_and_its_plan_can_be_read():
    page = (Path(__file__).parents[3] / "docs" / "test-your-own-bot.md").read_text()
    assert [kind.value for kind in FaultKind if f"`{kind.value}`" not in page] == []
    start = page.index("    [[fault]]")
    plan = textwrap.dedent(page[start : page.index("| kind |")])
    assert len(parse_fault_plan(plan.encode()).fault) == 3


def test_json_says_the_same_as_toml():
    body = b'{"fault": [{"kind": "late_frame", "channel": "fill", "max_ms": 900, "every": 3}]}'
    toml = b'[[fault]]\nkind = "late_frame"\nchannel = "fill"\nmax_ms = 900\nevery = 3'
    assert decode_fault_plan(body) == parse_fault_plan(toml)
    with pytest.raises(BadInput, match="the fault plan cannot be used"):
        decode_fault_plan(b'{"fault": [{"kind": "late_frame"}]}')
    with pytest.raises(BadInput, match="the fault plan cannot be used"):
        decode_fault_plan(b"\xff")


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_can_be_written_with_what_it_needs(kind):
    needs = {
        "status": "status = 503",
        "max_ms": "max_ms = 100",
        "seconds": "seconds = 2",
    }
    # Each kind is tried bare, and then with one thing more until it is content.
    for more in ("", *needs.values()):
        try:
            (rule,) = parse_fault_plan(f'[[fault]]\nkind = "{kind.value}"\n{more}'.encode()).fault
        except ConfigError:
            continue
        assert rule.kind is kind
        return
    raise AssertionError(f"{kind} cannot be written")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "nope"', "kind: Invalid enum value 'nope'; write one of 'slow_request', "),
        ('kind = "refused"', "refused needs status"),
        ('kind = "refused"\nstatus = 200', "status of refused must be 400 to 599"),
        ('kind = "slow_reply"', "slow_reply needs max_ms"),
        ('kind = "slow_reply"\nmin_ms = 9\nmax_ms = 5', "min_ms of slow_reply must be 0 to max_ms"),
        ('kind = "slow_reply"\nmin_ms = -1\nmax_ms = 5', "min_ms"),
        ('kind = "slow_reply"\nmax_ms = 3600001', "max_ms of slow_reply must be 0 to one hour"),
        ('kind = "slow_reply"\nmax_ms = 1.5', "Expected `int | null`, got `float`"),
        ('kind = "lost_reply"\nstatus = 500', "lost_reply takes no status; it takes method, path"),
        ('kind = "lost_frame"\npath = "/markets"', "lost_frame takes no path"),
        ('kind = "lost_reply"\nchannel = "fill"', "lost_reply takes no channel"),
        (
            'kind = "lost_reply"\npath = "markets"',
            "path of lost_reply must be a path that begins with /",
        ),
        ('kind = "lost_reply"\nmethod = "PATCH"', "method of lost_reply must be one of GET, POST"),
        ('kind = "lost_frame"\nchannel = "fills"', "channel of lost_frame must be one of orderb"),
        ('kind = "lost_reply"\nprobability = 0', "probability"),
        ('kind = "lost_reply"\nprobability = 1.1', "above 0 and at most 1"),
        ('kind = "lost_reply"\nprobability = nan', "probability"),
        ('kind = "lost_reply"\nevery = 0', "every of lost_reply must be 1 or more"),
        ('kind = "lost_reply"\ntimes = 0', "times"),
        ('kind = "lost_reply"\nafter_s = -1', "after_s"),
        ('kind = "lost_reply"\nafter_s = inf', "after_s"),
        ('kind = "lost_reply"\nfor_s = 0', "for_s"),
        ('kind = "stale_positions"', "stale_positions needs seconds"),
        ('kind = "stale_positions"\nseconds = -1', "seconds"),
        ('kind = "clock_offset"\nseconds = nan', "seconds of clock_offset must be"),
        ('kind = "clock_offset"\nseconds = 1\nprobability = 0.5', "clock_offset takes no"),
        ('kind = "clock_offset"\nseconds = 1\naccount = "ann"', "clock_offset takes no account"),
        (
            'kind = "lost_reply"\nprobabilty = 0.5',
            "'probabilty' does not exist; did you mean 'probability'?",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_told_with_its_place(text, words):
    plan = f'[[fault]]\nkind = "lost_reply"\n[[fault]]\n{text}'
    with pytest.raises(ConfigError) as caught:
        parse_fault_plan(plan.encode(), source="mine.toml")
    assert str(caught.value).startswith("mine.toml: [[fault]] number 2")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[[fault]\n", "is not TOML: Expected ']]'"),
        (b"\xff\xfe", "is not TOML"),
        (b"[[faults]]", ": top level: the key 'faults' does not exist; did you mean 'fault'?"),
        (b"[fault]", ": [fault]: there may be many of them; write [[fault]]"),
        (b"fault = 3", ": [fault]: Expected `array`, got `int`"),
    ],
    ids=repr,
)
def test_what_is_no_plan_is_refused(data, words):
    with pytest.raises(ConfigError) as caught:
        parse_fault_plan(data)
    assert str(caught.value).startswith(f"the fault plan{'' if words[0] == ':' else ' '}{words}")
