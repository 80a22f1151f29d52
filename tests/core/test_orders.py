"""The life of an order: the table, and every order in which its news can arrive."""

import copy
import itertools

import attrs
import pytest

from tests.core.builders import (
    OTHER,
    PERSON,
    TICKER,
    S,
    accepted,
    cancel_acknowledged,
    cancel_failed,
    cancel_requested,
    cleared,
    contracts,
    fill,
    filled,
    intended,
    kinds,
    limits,
    not_placed,
    price,
    ready_engine,
    record,
    rejected,
    reported,
    second,
    sent,
    tell,
    terms,
    unknown,
    vanished,
)
from traderd.core import orders as orders_module
from traderd.core.engine import Engine
from traderd.core.order_life import LIFE
from traderd.core.orders import Order, OrderRegister
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.orders import OrderOwner, OrderStatus, Side
from traderd.model.units import Count


def vars_of(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__slots__ if name != "__weakref__"}


@pytest.mark.parametrize(
    ("status", "told"),
    [pair for pair in itertools.product(S, S) if pair not in LIFE],
    ids=lambda status: status.value,
)
def test_a_step_that_is_not_in_the_table_raises_and_changes_nothing(status, told):
    register, order = OrderRegister(), an_order(status)
    before = copy.deepcopy(vars_of(order))
    with pytest.raises(IllegalTransition, match=f"is {status.value} and cannot become"):
        register.tell(order, told, second(50), "why")
    assert vars_of(order) == before
    assert register.live() == ()


def an_order(status: OrderStatus) -> Order:
    asked = terms()
    return Order(
        key="c1",
        ticker=asked.ticker,
        side=asked.side,
        price=asked.price,
        count=asked.count,
        attribution=PERSON,
        status=status,
        created_at=second(1),
        updated_at=second(1),
        client_order_id=ClientOrderId("c1"),
        terms=asked,
    )


# --- transcripts ----------------------------------------------------------------------------------


def changes(told: list[ev.Event]) -> list[tuple[str | None, str]]:
    """Return the status changes among events: (from, to)."""
    return [
        (None if e.previous is None else e.previous.value, e.status.value)
        for e in told
        if isinstance(e, ev.OrderChanged)
    ]


def the_order(engine: Engine, key: str = "c1") -> Order:
    order = engine.orders.get(key)
    assert order is not None
    return order


def position(engine: Engine) -> int:
    found = engine.ledger.positions.get(TICKER)
    return 0 if found is None else found.count


def test_an_order_rests_fills_and_is_done():
    engine = ready_engine()
    told = tell(
        engine,
        intended(),
        sent(),
        accepted(),
        filled("t1", 4),
        filled("t2", 6),
        reported(S.EXECUTED, 10),
    )
    assert changes(told) == [
        (None, "intent"),
        ("intent", "sent"),
        ("sent", "resting"),
        ("resting", "resting"),
        ("resting", "executed"),
        ("executed", "executed"),
    ]
    order = the_order(engine)
    assert (order.filled, order.remaining, order.order_id) == (contracts(10), 0, "x1")
    assert position(engine) == contracts(10)
    assert engine.orders.live() == ()


def test_an_order_can_be_found_by_either_name():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    assert engine.orders.get("c1") is engine.orders.get("x1")
    assert engine.orders.get("nobody") is None


def test_what_remains_follows_the_larger_of_fills_and_record():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), reported(S.RESTING, 3))
    order = the_order(engine)
    assert (order.remaining, order.owed, order.fills_missing) == (contracts(7), contracts(3), True)
    tell(engine, filled("t1", 4))
    assert (order.remaining, order.owed, order.fills_missing) == (contracts(6), 0, False)


def test_a_fill_may_come_before_the_reply():
    engine = ready_engine()
    told = tell(engine, intended(), sent(), filled("t1", 10), accepted(filled=10, remaining=0))
    assert changes(told)[2:] == [("sent", "executed"), ("executed", "executed")]
    assert the_order(engine).filled == contracts(10)


def test_a_fill_may_come_after_the_cancel():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), cancel_requested())
    tell(engine, reported(S.CANCELED, 4))
    order = the_order(engine)
    assert (order.status, order.remaining, order.owed) == (S.CANCELED, 0, contracts(4))
    tell(engine, filled("t1", 4))
    assert (order.status, order.filled, order.owed) == (S.CANCELED, contracts(4), 0)
    assert position(engine) == contracts(4)


def test_a_canceled_order_whose_fills_add_up_after_all_was_executed():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), reported(S.CANCELED, 0), filled("t1", 10))
    assert the_order(engine).status is S.EXECUTED


def test_an_immediate_order_that_filled_in_part_is_canceled_by_its_reply():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(filled=4, remaining=0))
    assert the_order(engine).status is S.CANCELED
    assert the_order(engine).owed == contracts(4)


def test_a_reply_that_is_older_than_the_fills_does_not_leave_a_filled_order_resting():
    engine = ready_engine()
    tell(engine, intended(), sent(), filled("t1", 10, key=None), accepted(filled=0, remaining=10))
    assert the_order(engine).status is S.EXECUTED
    assert engine.orders.live() == ()


def test_a_record_that_is_older_than_the_fills_does_not_leave_a_filled_order_resting():
    engine = ready_engine()
    tell(engine, intended(), sent(), filled("t1", 10, key=None), reported(S.RESTING, 0))
    assert the_order(engine).status is S.EXECUTED


def test_a_cancel_is_confirmed_by_the_record_and_not_by_its_reply():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), cancel_requested(), cancel_acknowledged())
    assert the_order(engine).status is S.CANCELLING
    assert the_order(engine).remaining == contracts(10)
    tell(engine, reported(S.RESTING, 0))
    assert the_order(engine).status is S.CANCELLING
    tell(engine, reported(S.CANCELED, 0, reason="UserCancel"))
    assert (the_order(engine).status, the_order(engine).sentence) == (S.CANCELED, "UserCancel")


def test_a_refused_cancel_leaves_the_order_resting():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), cancel_requested(), cancel_failed())
    assert (the_order(engine).status, the_order(engine).sentence) == (
        S.RESTING,
        "not cancelled: unconfirmed",
    )
    tell(engine, reported(S.CANCELED, 0), cancel_failed(code="not_found"))
    assert the_order(engine).status is S.CANCELED


def test_a_rejection_names_its_reason_and_leaves_nothing_live():
    engine = ready_engine()
    tell(engine, intended(), sent(), rejected())
    assert (the_order(engine).status, the_order(engine).sentence) == (
        S.REJECTED,
        "no: insufficient_balance",
    )
    assert engine.orders.at_risk() == ()


def test_an_order_that_was_proved_absent_is_adopted_when_it_arrives_after_all():
    engine = ready_engine()
    tell(engine, intended(), sent(), unknown(), not_placed())
    assert engine.orders.live() == ()
    told = tell(engine, reported(S.RESTING, 0), filled("t1", 4))
    assert changes(told) == [("not_placed", "resting"), ("resting", "resting")]
    order = the_order(engine)
    assert order.attribution.owner is OrderOwner.PERSON
    assert (order.remaining, engine.orders.live()) == (contracts(6), (order,))


def test_overruled_news_does_not_explain_the_order():
    engine = ready_engine()
    tell(engine, intended(), sent(), reported(S.RESTING), unknown())
    assert (the_order(engine).status, the_order(engine).sentence) == (S.RESTING, "")


def test_an_order_that_we_never_placed_is_adopted_as_external():
    engine = ready_engine()
    told = tell(engine, reported(S.RESTING, 2, order_id="x9", key="theirs"))
    assert changes(told) == [(None, "resting")]
    order = the_order(engine, "theirs")
    assert order is engine.orders.get("x9")
    assert (order.attribution.owner, order.terms) == (OrderOwner.EXTERNAL, None)
    assert (order.remaining, order.owed) == (contracts(8), 0)


def test_a_fill_of_an_order_that_nobody_knows_counts_at_once_and_is_linked_later():
    engine = ready_engine()
    told = tell(engine, filled("t1", 4, order_id="x9", key=None))
    assert kinds(told) == ["OrderFilled", "PositionChanged"]
    assert position(engine) == contracts(4)
    tell(engine, reported(S.RESTING, 4, order_id="x9", key=None))
    order = the_order(engine, "x9")
    assert (order.filled, order.remaining) == (contracts(4), contracts(6))
    tell(engine, filled("t1", 4, order_id="x9", key=None))
    assert (order.filled, position(engine)) == (contracts(4), contracts(4))


def test_another_programs_client_id_used_again_is_another_order():
    engine = ready_engine()
    tell(engine, reported(S.CANCELED, 0, order_id="x1", key="bot"))
    tell(engine, reported(S.RESTING, 0, order_id="x2", key="bot"))
    tell(engine, filled("t1", 3, order_id="x2", key="bot"))
    first, second_ = the_order(engine, "x1"), the_order(engine, "x2")
    assert (first.status, first.filled) == (S.CANCELED, 0)
    assert (second_.status, second_.filled) == (S.RESTING, contracts(3))
    assert second_.key == "x2"


def test_an_order_that_was_amended_elsewhere_is_what_its_record_says():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), filled("t1", 4))
    tell(engine, reported(S.RESTING, 4, what=terms(at_price="0.60", count=14)))
    order = the_order(engine)
    assert (order.price, order.count, order.remaining) == (price("0.60"), *map(contracts, (14, 10)))
    assert order.terms == terms()
    assert engine.conditions.halts == {}
    tell(engine, reported(S.RESTING, 4, what=terms(at_price="0.60", count=4)))
    assert order.status is S.EXECUTED


ALIENS = {
    "another side": terms(Side.ASK),
    "another market": terms(ticker=OTHER),
}
"""What somebody else asked for under the id of an order of ours."""


@pytest.mark.parametrize("alien", ALIENS.values(), ids=ALIENS)
@pytest.mark.parametrize(
    "before", [(intended(),), (intended(), sent())], ids=["before ours left", "before the reply"]
)
def test_an_id_that_somebody_else_uses_halts_the_account_and_the_order_is_theirs(before, alien):
    engine = ready_engine()
    tell(engine, *before)
    ours = attrs.evolve(the_order(engine))
    told = tell(engine, reported(S.RESTING, 2, what=alien))
    assert kinds(told) == ["OrderReported", "OrderChanged", "HaltRaised"]
    halted = told[-1]
    assert isinstance(halted, ev.HaltRaised)
    assert (halted.halt_id, halted.author) == ("id_reused:c1", ev.Author.MACHINE)
    assert halted.ticker is None
    assert halted.reason == (
        f"order c1 is a bid of KXA-26-Y, but the exchange tells of a {alien.side.value} of "
        f"{alien.ticker} under its id (order x1): find out who else uses our ids before you clear this"
    )
    assert vars_of(the_order(engine)) == vars_of(ours)
    theirs = the_order(engine, "x1")
    assert (theirs.attribution.owner, theirs.status) == (OrderOwner.EXTERNAL, S.RESTING)
    assert (theirs.ticker, theirs.side) == (alien.ticker, alien.side)
    assert [order.key for order in engine.orders.live()] == ["c1", "x1"]


def test_an_id_that_somebody_else_uses_halts_once_for_each_time_a_person_looked():
    engine = ready_engine()
    tell(engine, intended(), sent(), reported(what=terms(Side.ASK)))
    # The order is known to be theirs from here on; its next news is no surprise.
    tell(engine, cleared("id_reused:c1"))
    told = tell(engine, reported(S.RESTING, 3, what=terms(Side.ASK)))
    assert kinds(told) == ["OrderReported", "OrderChanged"]
    another = reported(what=terms(Side.ASK), order_id="x2")
    assert "HaltRaised" in kinds(tell(engine, another))
    assert "HaltRaised" not in kinds(tell(engine, reported(what=terms(Side.ASK), order_id="x3")))
    assert [order.key for order in engine.orders.live()] == ["c1", "x1", "x2", "x3"]


def test_a_record_that_contradicts_the_reply_takes_the_exchanges_id_with_it():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    told = tell(engine, reported(S.RESTING, 0, what=terms(Side.ASK)))
    assert kinds(told) == ["OrderReported", "OrderChanged", "HaltRaised"]
    theirs = the_order(engine, "x1")
    assert (theirs.side, theirs.attribution.owner) == (Side.ASK, OrderOwner.EXTERNAL)
    tell(engine, filled("t1", 4, side=Side.ASK), reported(S.CANCELED, 4, what=terms(Side.ASK)))
    assert (theirs.filled, theirs.status) == (contracts(4), S.CANCELED)
    # Nobody has said how ours ended, so it counts until somebody does.
    assert (the_order(engine).status, the_order(engine).remaining) == (S.RESTING, contracts(10))


def test_a_reply_does_not_take_over_the_exchanges_id_of_somebody_elses_order():
    engine = ready_engine()
    theirs = reported(S.RESTING, 0, what=terms(Side.ASK))
    tell(engine, intended(), sent(), theirs, accepted(), cleared("id_reused:c1"))
    assert kinds(tell(engine, theirs)) == ["OrderReported", "OrderChanged"]
    assert [order.key for order in engine.orders.live()] == ["c1", "x1"]


def test_somebody_elses_order_is_still_known_when_ours_of_that_id_is_forgotten(monkeypatch):
    monkeypatch.setattr(orders_module, "ORDERS_KEPT_MAX", 0)
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), reported(S.RESTING, 0, what=terms(Side.ASK)))
    tell(engine, vanished("c1"), intended("c2"))
    assert engine.orders.get("c1") is None
    tell(engine, filled("t1", 4, side=Side.ASK, key=None))
    assert the_order(engine, "x1").filled == contracts(4)


def test_of_an_adopted_order_the_exchanges_word_is_all_we_have():
    engine = ready_engine()
    tell(engine, reported(S.RESTING, 0, order_id="x9", key="theirs"))
    told = tell(engine, filled("t1", 4, side=Side.ASK, order_id="x9", key=None))
    assert "HaltRaised" not in kinds(told)
    assert the_order(engine, "x9").filled == contracts(4)


@pytest.mark.parametrize("alien", ALIENS.values(), ids=ALIENS)
def test_a_fill_of_somebody_elses_order_under_our_id_is_not_counted_for_ours(alien):
    engine = ready_engine()
    tell(engine, intended(), sent())
    told = tell(engine, filled("t1", 4, side=alien.side, ticker=alien.ticker))
    assert kinds(told) == ["OrderFilled", "PositionChanged", "HaltRaised"]
    assert (the_order(engine).filled, the_order(engine).order_id) == (0, None)
    assert engine.ledger.positions[alien.ticker].count == alien.side.sign * contracts(4)
    told = tell(engine, filled("t2", 1, side=alien.side, ticker=alien.ticker))
    assert "HaltRaised" not in kinds(told)
    tell(engine, reported(S.RESTING, 5, what=alien))
    assert the_order(engine, "x1").filled == contracts(5)


def test_an_unknown_order_whose_id_is_anothers_never_arrived():
    engine = ready_engine()
    theirs = reported(S.RESTING, 0, what=terms(Side.ASK))
    tell(engine, intended(), sent(), theirs, unknown(), cleared("id_reused:c1"))
    assert the_order(engine).status is S.UNKNOWN
    told = tell(engine, theirs)
    assert changes(told) == [("resting", "resting"), ("unknown", "not_placed")]
    assert the_order(engine).sentence == "its client order id belongs to order x1"
    assert [order.key for order in engine.orders.live()] == ["x1"]


def test_an_unknown_order_is_not_proved_absent_by_a_record_that_may_be_its_own():
    engine = ready_engine()
    tell(engine, intended(), sent(), unknown(), reported(S.RESTING, 0, key=None))
    tell(engine, reported(S.RESTING, 0))
    assert the_order(engine).status is S.UNKNOWN


def test_an_order_that_vanished_is_over_but_what_it_owes_still_counts():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), reported(S.RESTING, 4), filled("t1", 1))
    told = tell(engine, vanished())
    assert changes(told) == [("resting", "canceled")]
    order = the_order(engine)
    assert (order.sentence, order.remaining) == ("nobody knows it any more", 0)
    assert (order.owed, engine.orders.at_risk()) == (contracts(3), (order,))
    tell(engine, filled("t2", 3))
    assert (order.status, engine.orders.at_risk()) == (S.CANCELED, ())


@pytest.mark.parametrize(
    "news", [vanished("x1"), vanished("nobody")], ids=["finished", "forgotten"]
)
def test_an_order_that_is_over_cannot_vanish(news):
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), filled("t1", 10))
    assert kinds(tell(engine, news)) == ["OrderVanished"]
    assert the_order(engine).status is S.EXECUTED


def test_an_order_that_was_never_sent_cannot_vanish():
    engine = ready_engine()
    tell(engine, intended())
    before = vars_of(the_order(engine))
    with pytest.raises(IllegalTransition, match="c1"):
        tell(engine, vanished())
    assert vars_of(the_order(engine)) == before


def test_a_vanished_order_comes_back_when_its_record_says_that_it_lives():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), vanished())
    told = tell(engine, reported(S.RESTING, 2))
    assert changes(told) == [("canceled", "resting")]
    assert engine.orders.live() == (the_order(engine),)
    tell(engine, reported(S.CANCELED, 2), reported(S.RESTING, 2))
    assert the_order(engine).status is S.CANCELED, (
        "its own record ended it, older news does not count"
    )


def test_a_vanished_order_stays_over_when_its_record_says_so():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), vanished(), reported(S.CANCELED, 0, reason="Gone"))
    assert (the_order(engine).status, the_order(engine).sentence) == (S.CANCELED, "Gone")
    tell(engine, reported(S.RESTING, 0))
    assert the_order(engine).status is S.CANCELED


def test_a_client_order_id_is_used_once():
    engine = ready_engine()
    tell(engine, intended(), sent(), rejected())
    with pytest.raises(IllegalTransition, match="c1 was used before"):
        tell(engine, intended())
    assert the_order(engine).status is S.REJECTED


@pytest.mark.parametrize(
    "news",
    [reported(S.RESTING, 1), filled("t1", 4), accepted(filled=4, remaining=6)],
    ids=["record", "fill", "reply"],
)
def test_news_of_an_order_that_was_never_sent_raises_and_changes_nothing(news):
    engine = ready_engine()
    tell(engine, intended())
    before = vars_of(the_order(engine))
    with pytest.raises(IllegalTransition, match="c1"):
        tell(engine, news)
    assert vars_of(the_order(engine)) == before
    assert (position(engine), engine.ledger.fill_count) == (0, 0)
    assert engine.orders.get("x1") is None


def test_an_unknown_order_stays_live_and_fences_its_market_only():
    engine = ready_engine()
    tell(engine, intended(), sent(), unknown())
    assert the_order(engine).status is S.UNKNOWN
    assert the_order(engine).remaining == contracts(10)
    denied = engine.judge(terms())
    assert denied is not None
    assert denied.rule == "fence"
    assert engine.judge(terms(ticker=OTHER)) is None
    tell(engine, reported(S.RESTING))
    assert engine.judge(terms()) is None


def test_the_register_forgets_the_oldest_finished_order_and_never_one_at_risk(monkeypatch):
    monkeypatch.setattr(orders_module, "ORDERS_KEPT_MAX", 2)
    engine = Engine(limits=limits())
    tell(engine, intended("c1"), sent("c1"), accepted("c1", "x1"))
    for number in (2, 3, 4, 5):
        key, order_id = f"c{number}", f"x{number}"
        tell(engine, intended(key), sent(key), accepted(key, order_id, filled=10, remaining=0))
        if number != 2:
            # All but the second are told of their fills.
            tell(engine, filled(f"t{number}", 10, order_id=order_id, key=key))
    assert [order.key for order in engine.orders.recent()] == ["c5", "c4", "c2", "c1"]
    assert engine.orders.get("x3") is None
    assert [order.key for order in engine.orders.at_risk()] == ["c1", "c2"]
    tell(engine, filled("t2", 10, order_id="x2", key=None), intended("c6"))
    assert [order.key for order in engine.orders.recent()] == ["c6", "c5", "c4", "c1"]
    assert position(engine) == contracts(40)


def test_more_orders_than_are_kept_may_rest_and_end_at_once(monkeypatch):
    """I19: else a cancel of all of them would look like memory without a bound, and halt."""
    monkeypatch.setattr(orders_module, "ORDERS_KEPT_MAX", 2)
    engine = ready_engine()
    keys = [f"c{number}" for number in range(6)]
    for key in keys:
        tell(engine, intended(key), sent(key), accepted(key, f"x{key}"))
    assert len(engine.orders.live()) == 6
    for key in keys:
        tell(engine, vanished(key))
        assert all(kept <= cap for _, kept, cap in engine.orders.sizes())
    assert [order.key for order in engine.orders.recent()] == ["c5", "c4"]
    assert engine.orders.get("xc0") is None


def test_fills_without_an_order_are_bounded(monkeypatch):
    monkeypatch.setattr(orders_module, "UNMATCHED_FILLS_MAX", 2)
    register = OrderRegister()
    for number in (1, 2, 3):
        one = fill(f"t{number}", 1, order_id=f"x{number}", key=None)
        assert register.fill(one, second(3)) is None
    counts = [
        register.report(record(order_id=f"x{n}", key=None), second(4)).order.filled
        for n in (1, 2, 3)
    ]
    assert counts == [0, contracts(1), contracts(1)]


def test_live_orders_are_told_oldest_first():
    engine = ready_engine()
    tell(engine, intended("c1"), intended("c2"), intended("c3"), sent("c2"), sent("c1"))
    assert [order.key for order in engine.orders.live()] == ["c1", "c2", "c3"]


def test_live_orders_of_one_market_are_those_of_it_in_the_same_order():
    engine = ready_engine()
    elsewhere = attrs.evolve(terms(), ticker=OTHER)
    tell(engine, intended("c1"), intended("c2", what=elsewhere), intended("c3"), intended("c4"))
    tell(engine, *(sent(key) for key in ("c1", "c2", "c3", "c4")), rejected("c3"))
    assert [order.key for order in engine.orders.live(TICKER)] == ["c1", "c4"]
    assert [order.key for order in engine.orders.live(OTHER)] == ["c2"]
    tell(engine, rejected("c2"))
    assert engine.orders.live(OTHER) == ()


# --- every interleaving ---------------------------------------------------------------------------

FILLS = (filled("t1", 4), filled("t2", 6))
ANONYMOUS_FILLS = (filled("t1", 4, key=None), filled("t2", 6, key=None))
STORIES: dict[str, tuple[tuple[ev.Event, ...], OrderStatus, str]] = {
    "rests and fills": (
        (accepted(), reported(S.RESTING, 4), *FILLS, reported(S.EXECUTED, 10)),
        S.EXECUTED,
        "10",
    ),
    "fills without client ids": (
        (accepted(), reported(S.RESTING, 4), *ANONYMOUS_FILLS),
        S.EXECUTED,
        "10",
    ),
    "taken at once": (
        (accepted(filled=10, remaining=0), *FILLS, reported(S.EXECUTED, 10)),
        S.EXECUTED,
        "10",
    ),
    "fills in part and is canceled": (
        (
            accepted(),
            reported(S.RESTING, 0),
            filled("t1", 4),
            cancel_acknowledged(reduced=6),
            reported(S.CANCELED, 4),
        ),
        S.CANCELED,
        "4",
    ),
    "canceled while it fills": (
        (accepted(), *FILLS, cancel_requested(), cancel_failed(code="not_found")),
        S.EXECUTED,
        "10",
    ),
    "immediate, in part": (
        (accepted(filled=4, remaining=0), filled("t1", 4, key=None), reported(S.CANCELED, 4)),
        S.CANCELED,
        "4",
    ),
    "immediate, nothing": (
        (accepted(remaining=0), reported(S.CANCELED, 0)),
        S.CANCELED,
        "0",
    ),
    "no answer, but it arrived": (
        (unknown(), reported(S.RESTING, 0), filled("t1", 4), reported(S.CANCELED, 4)),
        S.CANCELED,
        "4",
    ),
    "no answer, given up, and it arrived": (
        (unknown(), not_placed(), *FILLS, reported(S.EXECUTED, 10)),
        S.EXECUTED,
        "10",
    ),
    "refused, and told of as canceled": (
        (rejected(code="post_only_cross"), reported(S.CANCELED, 0, reason="PostOnlyCrossCancel")),
        S.CANCELED,
        "0",
    ),
}


def ending(story: tuple[ev.Event, ...]) -> tuple[OrderStatus, Count, int, int]:
    """Return how an order ends whose news arrive like this: status, fills, at risk, position."""
    engine = Engine(limits=limits())
    for event in (intended(), sent(), *story):
        engine.apply(event)
    order = the_order(engine)
    return order.status, order.filled, order.at_risk, position(engine)


@pytest.mark.parametrize("name", STORIES)
def test_the_news_of_an_order_may_arrive_in_any_order(name):
    story, status, count = STORIES[name]
    expected = (status, contracts(count), 0, contracts(count))
    orders = list(itertools.permutations(story))
    assert [told for told in orders if ending(told) != expected] == []


@pytest.mark.parametrize("name", STORIES)
def test_the_news_of_an_order_may_arrive_twice_at_any_time(name):
    story, status, count = STORIES[name]
    expected = (status, contracts(count), 0, contracts(count))
    for told in itertools.permutations(story):
        assert ending((*told, *told)) == expected
        for i, again in itertools.product(range(len(told)), told):
            assert ending((*told[:i], again, *told[i:])) == expected


@pytest.mark.parametrize("name", STORIES)
def test_no_interleaving_lets_the_risk_of_an_order_be_forgotten(name):
    story, _, count = STORIES[name]
    for told in itertools.permutations(story):
        engine = Engine(limits=limits())
        for event in (intended(), sent(), *told):
            engine.apply(event)
            order = the_order(engine)
            assert engine.orders.live(order.ticker) == engine.orders.live()
            if order.status is not S.NOT_PLACED and order.status is not S.REJECTED:
                # Booked or still counted: nothing of what will fill is out of sight.
                assert position(engine) + order.at_risk >= contracts(count)


@pytest.mark.parametrize("side", Side)
def test_a_position_is_signed_by_the_side(side):
    engine = ready_engine()
    asked = terms(side)
    tell(engine, intended(what=asked), sent(), filled("t1", 10, side=side))
    assert position(engine) == side.sign * contracts(10)
    assert engine.orders.get(OrderId("x1")) is the_order(engine)


def test_an_adopted_order_owes_the_fills_that_its_record_told_after_it_was_adopted():
    engine = ready_engine()
    first = attrs.evolve(record(S.RESTING, 3, order_id="x9", key="web-1"), updated_at=second(2))
    tell(engine, ev.OrderReported(at=second(3), record=first, source=ev.Source.SYNC))
    order = engine.orders.get("web-1")
    assert (order.owed, order.at_risk) == (0, contracts(7))
    tell(engine, reported(S.RESTING, 5, order_id="x9", key="web-1", at=4))
    # What its record took from the rest is at risk until the fill is booked.
    assert (order.owed, order.at_risk) == (contracts(2), contracts(7))
    # One from before it was adopted is not what is owed, the one after it is.
    tell(engine, filled("t1", 3, order_id="x9", key="web-1", at=1))
    assert order.owed == contracts(2)
    tell(engine, filled("t2", 2, order_id="x9", key="web-1", at=4))
    assert (order.owed, order.at_risk) == (0, contracts(5))


def test_what_an_adopted_order_had_filled_before_is_never_owed():
    engine = ready_engine()
    ended = attrs.evolve(record(S.CANCELED, 3, order_id="x9", key="web-1"), updated_at=second(2))
    tell(engine, ev.OrderReported(at=second(3), record=ended, source=ev.Source.SYNC))
    assert engine.orders.at_risk() == ()


def test_an_order_ended_when_it_was_over_first_and_not_at_later_news():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    order = the_order(engine)
    assert order.ended_at is None
    tell(engine, filled("t1", 10, at=5))
    assert (order.status, order.ended_at) == (S.EXECUTED, second(5))
    tell(engine, reported(S.EXECUTED, 10, at=9))
    assert order.ended_at == second(5)


def test_an_order_whose_end_is_learned_late_ended_when_its_record_says():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    told = reported(S.CANCELED, at=9)
    tell(engine, attrs.evolve(told, record=attrs.evolve(told.record, updated_at=second(4))))
    assert the_order(engine).ended_at == second(4)


def test_an_order_that_turns_up_again_has_not_ended():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), vanished(at=8))
    assert the_order(engine).ended_at == second(8)
    tell(engine, reported(S.RESTING, at=9))
    assert the_order(engine).ended_at is None
