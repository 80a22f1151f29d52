"""Which settings change live, which wait for a restart, and that no limit is raised without a word."""

import msgspec
import pytest

from traderd.config import Config, load_config
from traderd.services.live_settings import (
    LIVE,
    Fate,
    LiveSettings,
    flat,
    judge_changes,
    refused,
    take,
)
from traderd.services.risk_limits import risk_limits


def config(tmp_path, **flags):
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load_config(variables={}, directory=tmp_path, flags=named)


def judged(tmp_path, *, raise_limits=False, **flags):
    settings = LiveSettings(config(tmp_path))
    return judge_changes(
        settings,
        config(tmp_path, **flags),
        held=risk_limits(settings.current),
        raise_limits=raise_limits,
    )


def test_settings_that_are_read_each_time_are_taken(tmp_path):
    changes = judged(tmp_path, log__level="debug", health__interval_s="5", status__interval_s="7")
    assert [(one.name, one.fate) for one in changes] == [
        ("log.level", Fate.TAKEN),
        ("health.interval_s", Fate.TAKEN),
        ("status.interval_s", Fate.TAKEN),
    ]
    assert changes[0].sentence == "log.level from info to debug: taken"
    merged = take(config(tmp_path), changes)
    assert (merged.log.level, merged.health.interval_s, merged.status.interval_s) == ("debug", 5, 7)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"web__port": "9000"}, "the console was opened with it"),
        ({"market_data__audit_interval_s": "9"}, "the order books were subscribed by it"),
        ({"risk__breaker_window": "9"}, "the counters of the risk gate were begun with it"),
        ({"health__stalls_max": "9"}, "it is read at the start only"),
        ({"exchange__events_per_s": "2"}, "connections and keys were made with it"),
        ({"rate_limits__place_percent": "20"}, "the token buckets were cut by it"),
    ],
)
def test_what_was_set_up_with_a_setting_keeps_it_until_the_next_start(tmp_path, flags, why):
    (change,) = judged(tmp_path, **flags)
    assert change.fate is Fate.RESTART
    assert change.sentence.endswith(f"not taken, {why}; restart the daemon to use it")
    assert take(config(tmp_path), (change,)) == config(tmp_path)


def test_a_lowered_limit_is_taken_and_a_raised_one_needs_a_person(tmp_path):
    (lowered,) = judged(tmp_path, risk__max_open_orders="4")
    assert lowered.fate is Fate.TAKEN
    (raised,) = judged(tmp_path, risk__max_open_orders="40")
    assert raised.fate is Fate.RAISED
    assert raised.sentence == (
        "risk.max_open_orders from 10 to 40: not taken, it lets more through, which only a person may want; "
        "`traderd reload --raise-limits` takes it"
    )
    (said,) = judged(tmp_path, raise_limits=True, risk__max_open_orders="40")
    assert said.fate is Fate.TAKEN


@pytest.mark.parametrize(
    "flags",
    [
        {"risk__max_exposure_dollars": "2000"},
        {"risk__max_daily_loss_dollars": "0"},
        {"risk__min_price_dollars": "0"},
        {"risk__min_book_grade": "F"},
        {"risk__duplicate_window_ms": "0"},
    ],
)
def test_every_way_to_let_more_through_is_noticed(tmp_path, flags):
    (change,) = judged(tmp_path, **flags)
    assert change.fate is Fate.RAISED


def test_a_list_of_markets_that_shrinks_is_a_raise(tmp_path):
    before = msgspec.structs.replace(Config(), risk=config(tmp_path).risk)
    restricted = msgspec.structs.replace(
        before, risk=msgspec.structs.replace(before.risk, restricted=("A", "B"))
    )
    (change,) = judge_changes(LiveSettings(restricted), before, held=risk_limits(restricted))
    assert (change.fate, change.sentence.split(":")[0]) == (
        Fate.RAISED,
        "risk.restricted from A,B to none",
    )
    (added,) = judge_changes(LiveSettings(before), restricted, held=risk_limits(before))
    assert take(before, (added,)) == restricted


def test_strategies_decide_about_their_own_settings():
    asked = []

    class Tuner:
        def why_not(self, name, section, names):
            asked.append((name, section, names))
            return {one: "" if one != "ticks" else "it is no number to turn" for one in names}

    settings = LiveSettings(Config(strategies={"maker": {"size": 1, "ticks": 1, "gone": 1}}))
    new = Config(strategies={"maker": {"size": 2, "ticks": 2}})
    held = risk_limits(settings.current)
    assert {one.fate for one in judge_changes(settings, new, held=held)} == {Fate.RESTART}
    settings.tuner = Tuner()
    size, ticks, gone = judge_changes(settings, new, held=held)
    assert asked == [("maker", {"size": 2, "ticks": 2}, ["size", "ticks", "gone"])]
    assert (size.fate, ticks.fate, gone.fate) == (Fate.TAKEN, Fate.RESTART, Fate.TAKEN)
    taken = take(settings.current, (size, ticks, gone))
    assert taken.strategies == {"maker": {"size": 2, "ticks": 1}}
    assert refused(size, "it did not want to").sentence.endswith("not taken, it did not want to")


def test_every_live_setting_exists():
    assert flat(Config()).keys() >= LIVE


def test_a_secret_is_told_of_but_never_shown(tmp_path):
    before = {
        "notify__telegram__token": "12:canary-one",
        "notify__telegram__chat_id": "7",
        "notify__webhook__url": "https://example.test/canary-one",
        "notify__webhook__secret": "canary-one-canary",
        "exchange__key_id": "1a2b3c4d-canary-one",
        "strategies__spread_maker__api_token": "canary-one",
    }
    after = {name: value.replace("one", "two") for name, value in before.items()}
    settings = LiveSettings(config(tmp_path, **before))
    changes = judge_changes(settings, config(tmp_path, **after), held=risk_limits(settings.current))
    assert {change.name.replace(".", "__") for change in changes} == {*before} - {
        "notify__telegram__chat_id"
    }
    sentences = {change.name: change.sentence for change in changes}
    sentences |= {f"{one.name} refused": refused(one, "it is late").sentence for one in changes}
    assert "canary" not in str(sentences)
    assert sentences["notify.telegram.token"] == (
        "notify.telegram.token ([masked]) was changed: not taken, it is read at the start only; "
        "restart the daemon to use it"
    )
    assert sentences["notify.webhook.url refused"] == (
        "notify.webhook.url (https://example.test/[masked]) was changed: not taken, it is late"
    )
