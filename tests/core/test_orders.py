"""The life of an order: the table, and every order in which its news can arrive."""

import copy
import itertools

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
    contracts,
    fill,
    filled,
    intended,
    kinds,
    limits,
    not_placed,
    ready_engine,
    record,
    rejected,
    reported,
    second,
    sent,
    tell,
    terms,
    unknown,
)
from traderd.core import orders as orders_module
from traderd.core.engine import Engine
from traderd.core.orders import LIFE, Order, OrderRegister
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.orders import OrderOwner, OrderStatus, Side
from traderd.model.units import Count

# --- the table ------------------------------------------------------------------------------------

TOLD_BY_THE_WORLD = (S.RESTING, S.EXECUTED, S.CANCELED, S.REJECTED, S.UNKNOWN, S.NOT_PLACED)
"""What replies, records, fills and searches tell; it comes when it comes."""
GONE_OUT = tuple(status for status in S if status is not S.INTENT)
HAS_ORDER_ID = (S.RESTING, S.CANCELLING, S.EXECUTED, S.CANCELED)


@pytest.mark.parametrize("status", GONE_OUT)
@pytest.mark.parametrize("told", TOLD_BY_THE_WORLD)
def test_once_an_order_has_left_no_news_can_fail(status, told):
    assert (status, told) in LIFE


@pytest.mark.parametrize("status", HAS_ORDER_ID)
def test_a_cancel_may_be_asked_for_whenever_the_order_id_is_known(status):
    wanted = status if not status.is_live else S.CANCELLING
    assert LIFE[status, S.CANCELLING] is wanted


def test_nothing_comes_back_to_before_it_was_sent():
    assert [row for row, then in LIFE.items() if then is S.INTENT] == []
    assert [row for row, then in LIFE.items() if then is S.SENT] == [(S.INTENT, S.SENT)]


def test_nothing_but_our_own_acts_and_no_answer_is_known_of_an_unsent_order():
    assert sorted(told.value for status, told in LIFE if status is S.INTENT) == [
        "not_placed",
        "sent",
        "unknown",
    ]


@pytest.mark.parametrize("told", TOLD_BY_THE_WORLD)
def test_an_executed_order_stays_executed(told):
    assert LIFE[S.EXECUTED, told] is S.EXECUTED


@pytest.mark.parametrize(("status", "then"), [*LIFE.items()])
def test_a_row_leads_to_what_was_told_or_leaves_the_order_as_it_is(status, then):
    before, told = status
    assert then in {before, told}


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


def vars_of(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__slots__ if name != "__weakref__"}


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


def test_the_register_forgets_the_oldest_finished_order_and_never_a_live_one(monkeypatch):
    monkeypatch.setattr(orders_module, "ORDERS_KEPT_MAX", 3)
    engine = Engine(limits=limits())
    tell(engine, intended("c1"), sent("c1"), accepted("c1", "x1"))
    for number in (2, 3, 4):
        key, order_id = f"c{number}", f"x{number}"
        tell(engine, intended(key), sent(key), accepted(key, order_id, filled=10, remaining=0))
    assert [order.key for order in engine.orders.recent()] == ["c4", "c3", "c1"]
    assert engine.orders.get("x2") is None
    assert [order.key for order in engine.orders.at_risk()] == ["c1", "c3", "c4"]


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


def test_a_change_tells_whether_the_order_is_new():
    register = OrderRegister()
    assert register.report(record(), second(1)).is_new
    assert not register.report(record(), second(2)).is_new


def test_live_orders_are_told_oldest_first():
    engine = ready_engine()
    tell(engine, intended("c1"), intended("c2"), intended("c3"), sent("c2"), sent("c1"))
    assert [order.key for order in engine.orders.live()] == ["c1", "c2", "c3"]


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
