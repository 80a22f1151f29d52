from functools import partial
from typing import Any

import pytest
import structlog
import trio

from tests.services.still_daemon import MARKET, StillDaemon, still_daemon
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model import commands as cm
from traderd.model import events as ev
from traderd.model.orders import OrderOwner, Side, TimeInForce
from traderd.model.units import parse_count, parse_price
from traderd.runtime.inbox import Policy
from traderd.services.console_source import STATUS_OF, DaemonSource
from traderd.services.console_verbs import VERBS
from traderd.services.context import Context
from traderd.web.live import SNAPSHOT_ORDERS, SNAPSHOT_TRANSITIONS
from traderd.web.source import ConsoleSource

PLACE = {"ticker": MARKET, "side": "bid", "count": "5", "price_dollars": "0.45"}
DONE = cm.Outcome(answer=cm.Answer.DONE, sentence="done", key="k1")


def source_of(daemon: StillDaemon) -> DaemonSource:
    return DaemonSource(daemon.context("web"))


def newest(daemon: StillDaemon, name: str, limit: int) -> list[dict[str, Any]]:
    """Return the first page of a list that grows, as a late joiner gets it."""
    records, _ = source_of(daemon).page(name, limit, None)
    return records


async def answer(
    daemon: StillDaemon,
    heard: list[cm.Command],
    outcome: cm.Outcome,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Serve every command as its service would, with one outcome."""
    kinds = cm.Command.__args__
    with daemon.shared.commands.serve(*kinds) as requests:
        task_status.started()
        async for request in requests:
            with request as command:
                heard.append(command)
                request.answer(outcome)


async def ask(daemon, verb, body, outcome=DONE):
    """Return the HTTP status, the document and the commands that the verb became."""
    heard: list[cm.Command] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(answer, daemon, heard, outcome))
        status, document = await source_of(daemon).command(verb, body)
        nursery.cancel_scope.cancel()
    return status, document, heard


# --- decided by a state ---------------------------------------------------------------------------


async def test_what_changes_while_a_verb_waits_for_its_turn_refuses_it(autojump_clock, tmp_path):
    """Both were decided by one state; the first of them makes it another one."""
    async with simulated_daemon(tmp_path) as simulated:
        shared, answers = simulated.daemon.shared, {}
        source = DaemonSource(Context(name="web", shared=shared, log=structlog.get_logger()))
        seen = source.state_version()

        async def decide(name: str, verb: str) -> None:
            answers[name] = await source.command(
                verb, {"reason": name} if verb != "resume" else {}, seen
            )

        async with trio.open_nursery() as nursery:
            for name, verb in (("one", "pause"), ("two", "halt"), ("three", "pause")):
                nursery.start_soon(decide, name, verb)
        statuses = sorted(status for status, _ in answers.values())
        assert statuses == [200, 412, 412]
        held = shared.view.conditions
        assert len(held.pauses) + len(held.halts) == 1
        error = next(document for status, document in answers.values() if status == 412)["error"]
        assert error["code"] == "state_changed"
        assert "nothing was done" in error["sentence"]
        assert source.state_version() in error["cure"]
        fresh, _ = await source.command("halt", {"reason": "four"}, source.state_version())
        assert fresh == 200


async def test_an_order_that_was_decided_by_another_state_is_not_placed(autojump_clock, tmp_path):
    async with simulated_daemon(tmp_path) as simulated:
        shared = simulated.daemon.shared
        source = DaemonSource(Context(name="web", shared=shared, log=structlog.get_logger()))
        body = PLACE | {"ticker": TICKERS[0], "price_dollars": "0.01", "count": "1"}
        status, document = await source.command("place", body, "an older one")
        assert (status, document["error"]["code"]) == (412, "state_changed")
        assert shared.view.recent_orders(10) == ()
        assert (await source.command("place", body, source.state_version()))[0] == 200


# --- verbs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "body", "command"),
    [
        ("cancel", {"key": "k1"}, cm.CancelOrder(key="k1")),
        ("cancel-all", {}, cm.CancelOrders()),
        ("cancel-all", {"ticker": None}, cm.CancelOrders()),
        ("cancel-all", {"ticker": MARKET}, cm.CancelOrders(ticker=MARKET)),
        ("pause", {"reason": "lunch"}, cm.Pause(reason="lunch")),
        ("pause", {}, cm.Pause(reason="asked for by a person")),
        ("resume", {}, cm.Resume()),
        ("halt", {"reason": "rain"}, cm.Halt(reason="rain")),
        ("halt", {"reason": "rain", "ticker": MARKET}, cm.Halt(reason="rain", ticker=MARKET)),
        ("clear-halt", {"halt_id": "breaker"}, cm.ClearHalt(halt_id="breaker")),
        ("confirm-limits", {"author": "ann"}, cm.ConfirmLimits(by="ann")),
        ("calibrate", {}, cm.Calibrate()),
    ],
)
async def test_a_verb_becomes_its_command(autojump_clock, tmp_path, verb, body, command):
    async with still_daemon(tmp_path) as daemon:
        status, document, heard = await ask(daemon, verb, body)
        assert (status, heard) == (200, [command])
        assert document == {"answer": "done", "sentence": "done", "key": "k1"}


async def test_place_becomes_an_order_of_a_person_with_exact_terms(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        body = {**PLACE, "time_in_force": "immediate_or_cancel", "post_only": False}
        _, _, (command,) = await ask(daemon, "place", body)
        terms = command.terms
        assert (terms.ticker, terms.side) == (MARKET, Side.BID)
        assert (terms.price, terms.count) == (parse_price("0.45"), parse_count("5"))
        assert terms.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        assert command.attribution.owner is OrderOwner.PERSON


async def test_a_plain_order_rests_and_may_take(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        _, _, (command,) = await ask(daemon, "place", PLACE)
        assert command.terms.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        assert command.terms.post_only is False


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ticker": ""}, "'ticker' must be a text that is not empty"),
        ({"ticker": 5}, "'ticker' must be in quotes, as \"5\""),
        ({"ticker": "X" * 5_000}, f"no ticker has 5000 characters: '{'X' * 64}'..."),
        ({"side": "buy"}, "'side' must be one of bid, ask, not 'buy'"),
        ({"count": "0"}, "an order needs a count above 0"),
        ({"count": "-5"}, "an order needs a count above 0"),
        ({"count": "NaN"}, "count is not a plain decimal number: 'NaN'"),
        ({"count": "1e3"}, "count is not a plain decimal number: '1e3'"),
        ({"count": str(10**18)}, f"count {10**18} is too large"),
        ({"count": "0.001"}, "count 0.001 has more than 2 decimals"),
        ({"count": 5}, "'count' must be in quotes, as \"5\""),
        ({"price_dollars": 0.5}, "'price_dollars' must be in quotes, as \"0.5\""),
        ({"price_dollars": "45"}, "price_dollars 45 is not between $0 and $1"),
        ({"price_dollars": "1"}, "an order price lies between $0 and $1, both excluded"),
        ({"price_dollars": "0.45001"}, "price_dollars 0.45001 has more than 4 decimals"),
        ({"price_dollars": None}, "'price_dollars' must be a text that is not empty"),
        ({"post_only": "yes"}, "'post_only' must be true or false"),
        ({"time_in_force": "gtc"}, "'time_in_force' must be one of good_till_canceled, "),
        ({"tif": "immediate_or_cancel"}, "there is no field 'tif'; known are: ticker, side, "),
    ],
    ids=str,
)
async def test_a_bad_order_is_refused_with_a_sentence_and_sends_nothing(
    autojump_clock, tmp_path, change, sentence
):
    async with still_daemon(tmp_path) as daemon:
        status, document, heard = await ask(daemon, "place", {**PLACE, **change})
        assert (status, heard) == (400, [])
        assert document["error"]["code"] == "bad_input"
        assert document["error"]["sentence"].startswith(sentence)
        assert document["error"]["cure"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("cancel", {}),
        ("cancel", {"key": ""}),
        ("cancel", {"key": None}),
        # An empty ticker must not become "every market".
        ("cancel-all", {"ticker": ""}),
        ("cancel-all", {"market": MARKET}),
        ("pause", {"reason": ""}),
        ("halt", {"reason": 3}),
        ("clear-halt", {}),
        ("resume", {"force": True}),
    ],
    ids=str,
)
async def test_a_verb_without_what_it_needs_is_refused(autojump_clock, tmp_path, verb, body):
    async with still_daemon(tmp_path) as daemon:
        status, document, heard = await ask(daemon, verb, body)
        assert (status, heard) == (400, [])
        assert document["error"]["sentence"]


async def test_an_unknown_verb_is_answered_with_those_that_exist(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        status, document, _ = await ask(daemon, "sell-everything", {})
        assert (status, document["error"]["code"]) == (404, "unknown_verb")
        assert all(verb in document["error"]["cure"] for verb in VERBS)


@pytest.mark.parametrize(("word", "status"), STATUS_OF.items(), ids=lambda x: str(x))
async def test_each_answer_has_its_http_status(autojump_clock, tmp_path, word, status):
    async with still_daemon(tmp_path) as daemon:
        outcome = cm.Outcome(answer=word, sentence="because")
        got, document, _ = await ask(daemon, "resume", {}, outcome)
        assert (got, document) == (
            status,
            {"answer": word.value, "sentence": "because", "key": None},
        )


def test_every_answer_has_a_status_and_only_done_is_success():
    assert set(STATUS_OF) == set(cm.Answer)
    assert [word for word, status in STATUS_OF.items() if status == 200] == [cm.Answer.DONE]


async def test_while_nothing_serves_a_verb_it_is_unavailable_and_not_lost(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        status, document = await source_of(daemon).command("resume", {})
        assert (status, document["answer"]) == (503, "unavailable")


async def test_each_verb_and_its_outcome_are_in_the_log_with_the_order(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await ask(daemon, "cancel", {"key": "k1"})
        assert '"event":"cancel: done: done"' in daemon.log_text.getvalue()
        # A field called `key` would be masked like a secret.
        assert '"order":"k1"' in daemon.log_text.getvalue()


# --- reads ----------------------------------------------------------------------------------------


async def test_it_is_what_the_console_asks_for(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert isinstance(source_of(daemon), ConsoleSource)


async def test_orders_are_newest_first_and_each_once(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        first, second = daemon.place(Side.BID, "1", "0.10"), daemon.place(Side.BID, "1", "0.11")
        daemon.fill(first, "1", "0.10", "0")
        source = source_of(daemon)
        assert [(o["key"], o["status"]) for o in newest(daemon, "orders", SNAPSHOT_ORDERS)] == [
            (second, "resting"),
            (first, "executed"),
        ]
        assert source.order(first)["status"] == "executed"
        assert source.order("nope") is None


async def test_a_live_order_is_listed_however_many_finished_after_it(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        old = daemon.place(Side.BID, "1", "0.10")
        for _ in range(SNAPSHOT_ORDERS + 5):
            daemon.fill(daemon.place(Side.BID, "1", "0.11"), "1", "0.11", "0")
        keys = [order["key"] for order in newest(daemon, "orders", SNAPSHOT_ORDERS)]
        assert len(keys) == SNAPSHOT_ORDERS + 1
        assert old in keys


async def test_positions_are_those_that_are_open_or_have_a_history(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.view.ledger.position(MARKET)
        assert source_of(daemon).positions() == []
        daemon.fill(daemon.place(Side.BID, "1", "0.10"), "1", "0.10", "0.01")
        daemon.fill(daemon.place(Side.ASK, "1", "0.12"), "1", "0.12", "0.01")
        (flat,) = source_of(daemon).positions()
        assert (flat["count"], flat["realized_pnl_dollars"]) == ("0.00", "0.020000")


async def test_fills_are_the_newest_and_oldest_first(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        for price in ("0.10", "0.11", "0.12"):
            daemon.fill(daemon.place(Side.BID, "1", price), "1", price, "0")
        prices = [fill["price_dollars"] for fill in newest(daemon, "fills", 2)]
        assert prices == ["0.1100", "0.1200"]


async def test_log_lines_are_the_newest_and_oldest_first(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("test")
        for number in range(3):
            context.log.info(f"line {number}")
        events = [line["event"] for line in newest(daemon, "log", 2)]
        assert events == ["line 1", "line 2"]


async def test_a_change_told_live_equals_the_one_that_is_kept(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        source = source_of(daemon)
        live = [source.transition(event) for event in daemon.view.transitions]
        assert live == newest(daemon, "transitions", SNAPSHOT_TRANSITIONS)
        assert live[0]["duration_ms"] is None


async def test_each_service_is_listed_with_its_inbox(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        for name in ("web", "actor"):
            daemon.shared.lifecycle.service_changed(name, "running", "")
        daemon.shared.lifecycle.service_changed("web", "restarting", "in 0.5 s")
        daemon.shared.lifecycle.service_changed("web", "running", "")
        with daemon.context("web").subscribe(ev.StateChanged):
            daemon.climb()
            services = source_of(daemon).status()["services"]
        assert list(services) == ["actor", "web"]
        assert services["actor"] == {"status": "running", "detail": "", "restarts": 0}
        assert services["web"]["restarts"] == 1
        inbox = services["web"]["inbox"]
        assert (inbox["policy"], inbox["depth"], inbox["dropped"]) == ("drop_oldest", 4, 0)


async def test_what_was_conflated_is_not_told_as_dropped(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.service_changed("web", "running", "")
        with daemon.context("web").subscribe(
            ev.StateChanged, policy=Policy.LATEST, key=lambda event: "state"
        ):
            daemon.climb()
            inbox = source_of(daemon).status()["services"]["web"]["inbox"]
        assert (inbox["policy"], inbox["conflated"], inbox["dropped"]) == ("latest", 3, 0)


async def test_the_uptime_counts_from_the_start_of_the_daemon(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        started = daemon.shared.started_at
        await trio.sleep(12.3)
        uptime = source_of(daemon).health()["uptime_s"]
        assert uptime == round(trio.current_time() - started, 1)
        assert uptime >= 12.3


async def test_a_ticker_in_small_letters_or_with_a_slip_has_a_suggestion(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, market_data__markets=MARKET) as daemon:
        similar = source_of(daemon).similar_market
        assert similar(MARKET.lower()) == similar(MARKET[:-2] + MARKET[-1]) == MARKET
        assert similar("KXSOMETHING-ELSE") is similar("../x") is None


async def test_inboxes_without_a_service_are_listed_and_all_say_how_long_handlers_take(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        with daemon.shared.bus.subscribe(
            ev.BookChanged, name="web books", policy=Policy.LATEST, key=lambda event: event.ticker
        ):
            others = source_of(daemon).status()["other_inboxes"]
        inbox = others["web books"]
        assert (inbox["policy"], inbox["depth"], inbox["busy_s"]) == ("latest", 0, 0.0)
        assert inbox["depth_max"] > 0
        assert {"handler_p50_ms", "handler_p99_ms", "peak", "conflated"} <= set(inbox)


async def test_the_charts_begin_with_what_was_sampled_before(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        source = source_of(daemon)
        assert source.chart(None)["points"] == []
        source.sample_charts()
        assert [point[1:] for point in source.chart(None)["points"]] == [["0.000000", "0.000000"]]
        assert source.chart("KXNOBODY")["points"] == []


async def test_the_version_of_the_state_changes_with_what_a_person_decides_by_and_with_nothing_else(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        source = source_of(daemon)
        seen = [source.state_version()]
        with daemon.shared.lifecycle.activity():
            assert source.state_version() == seen[-1], "an order in flight is nothing new"
        now = daemon.context("test").now()
        halt = ev.HaltRaised(at=now, halt_id="h", author=ev.Author.PERSON, reason="rain")
        pause = ev.TradingPaused(at=now, reason="lunch")
        for event in (halt, pause):
            daemon.shared.bus.publish([event])
            seen.append(source.state_version())
        daemon.shared.lifecycle.failed("sync", "the line is gone", 1, 0.5)
        seen.append(source.state_version())
        assert source.status()["state_version"] == seen[-1]
        object.__setattr__(daemon.shared, "started_at", -1.0)  # as after a restart
        seen.append(source.state_version())
    assert len(set(seen)) == 5
