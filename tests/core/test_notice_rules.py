"""Which facts a person is told, and how urgently."""

import attrs
import pytest

from tests.core.builders import READY, contracts
from traderd.config import Config
from traderd.core.notice_rules import BURST_DENIALS, TOLD_ABOUT, NoticeRules
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, StrategyName, TradeId
from traderd.model.notices import NoticeClass, Urgency
from traderd.model.orders import Attribution, Fill, OrderOwner, OrderTerms, Side
from traderd.model.units import NS_PER_S, Count, Money, Price, Timestamp
from traderd.services.risk_limits import risk_limits

T = MarketTicker("KXDEMO-A")
LIMITS = risk_limits(Config())
C, U = NoticeClass, Urgency


def at(second: float = 0) -> Timestamp:
    return Timestamp(round(second * NS_PER_S))


def rules(**limits) -> NoticeRules:
    return NoticeRules(lambda: attrs.evolve(LIMITS, **limits), {})


def one(made: NoticeRules, event):
    (notice,) = made.notices(event)
    return notice


def halt(author=ev.Author.MACHINE, halt_id="breaker", **changes):
    return ev.HaltRaised(at=at(), halt_id=halt_id, author=author, reason="5 errors", **changes)


def error(attempt: int, second: float = 0):
    return ev.StateChanged(
        at=at(second),
        from_state=st.State.READY,
        to_state=st.State.ERROR,
        context="x",
        metadata=st.ErrorMetadata(
            failed_stage="sync", error="no answer", attempt=attempt, retry_in_s=2.0
        ),
    )


def ready(second: float, from_state=st.State.KALSHI_DATA_SYNC):
    return ev.StateChanged(
        at=at(second),
        from_state=from_state,
        to_state=st.State.READY,
        context="x",
        metadata=READY,
    )


def denied(second: float, rule="collar"):
    terms = OrderTerms(ticker=T, side=Side.BID, price=Price(4_500), count=contracts("5"))
    return ev.OrderDenied(
        at=at(second),
        terms=terms,
        attribution=Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker")),
        rule=rule,
        sentence="too far from the book",
    )


def test_a_halt_of_the_machine_is_an_alert_with_the_cure():
    notice = one(rules(), halt())
    assert (notice.kind, notice.urgency, notice.key) == (C.RISK, U.CRITICAL, "halt:breaker")
    assert notice.text == (
        "the account is halted by machine: 5 errors; `traderd clear-halt breaker` ends it"
    )


def test_a_halt_of_a_person_is_no_alert_but_the_kill_switch_always_is():
    assert one(rules(), halt(ev.Author.PERSON, "person")).urgency is U.NORMAL
    kill = one(rules(), halt(ev.Author.PERSON, "kill", by="ann"))
    assert (kill.urgency, kill.title) == (U.CRITICAL, "KILL SWITCH")
    assert "by ann" in kill.text


def test_the_end_of_a_halt_ends_its_alert():
    cleared = ev.HaltCleared(at=at(), halt_id="breaker", author=ev.Author.PERSON, by="ann")
    notice = one(rules(), cleared)
    assert (notice.key, notice.ends) == ("halt:breaker", True)


def test_ten_refusals_of_one_rule_within_a_minute_are_told_once():
    made = rules()
    told = [made.notices(denied(number)) for number in range(BURST_DENIALS)]
    assert [len(found) for found in told] == [0] * (BURST_DENIALS - 1) + [1]
    assert "10 orders of maker were denied by rule collar within 60 s" in told[-1][0].text
    assert made.notices(denied(BURST_DENIALS)) == []


def test_refusals_that_are_spread_out_or_of_different_rules_are_daily_life():
    made = rules()
    assert [made.notices(denied(number * 10)) for number in range(30)] == [[]] * 30
    assert [made.notices(denied(0, f"rule {number}")) for number in range(30)] == [[]] * 30


def test_an_error_becomes_an_alert_when_it_lasts_and_ends_with_the_recovery():
    made = rules()
    first, third = one(made, error(1)), one(made, error(3, 8))
    assert (first.urgency, third.urgency) == (U.NORMAL, U.CRITICAL)
    assert first.text == "sync failed: no answer; attempt 1, next in 2 s"
    recovered = one(made, ready(20))
    assert (recovered.title, recovered.ends, recovered.key) == ("recovered", True, first.key)
    assert recovered.text == "ready again after 20 s"


def test_ready_is_told_the_first_time_and_acting_never():
    made = rules()
    assert one(made, ready(0)).title == "ready"
    assert made.notices(ready(1)) == []
    assert made.notices(ready(2, st.State.ACTING)) == []


def test_the_stop_is_told_with_its_reason():
    stop = ev.StateChanged(
        at=at(),
        from_state=st.State.READY,
        to_state=st.State.SHUTDOWN,
        context="stop",
        metadata=st.ShutdownMetadata(reason="SIGTERM"),
    )
    assert (one(rules(), stop).title, one(rules(), stop).text) == ("stopping", "SIGTERM")


def test_a_fill_is_small_news():
    fill = Fill(
        trade_id=TradeId("t"),
        order_id=OrderId("o"),
        ticker=T,
        side=Side.ASK,
        price=Price(4_500),
        count=contracts("5"),
        fee=Money(10_000),
        is_taker=False,
        executed_at=at(),
    )
    notice = one(rules(), ev.OrderFilled(at=at(), fill=fill, source=ev.Source.FEED))
    assert (notice.kind, notice.urgency) == (C.TRADE, U.LOW)
    assert notice.text == "sold 5 YES of KXDEMO-A @ $0.4500, fee $0.01"


def update(*differences):
    return ev.TradingStateUpdated(
        at=at(),
        sync_type="update",
        version=1,
        balance=Money(0),
        balance_change=Money(0),
        portfolio_value=Money(0),
        position_count=0,
        position_count_change=0,
        order_count=0,
        order_count_change=0,
        differences=tuple(
            ev.Difference(kind=kind, subject=subject, ours="1", theirs="2")
            for kind, subject in differences
        ),
    )


def test_a_balance_that_nothing_explains_is_an_alert_until_it_is_explained_or_accepted():
    notice = one(rules(), update(("balance", "balance")))
    assert (notice.kind, notice.urgency, notice.key) == (C.MONEY, U.CRITICAL, "balance")
    assert one(rules(), update(("balance_explained", "balance"))).ends
    accepted = ev.BalanceAccepted(at=at(), amount=Money(1_000_000))
    assert one(rules(), accepted).ends


def test_drift_is_told_and_what_is_daily_life_is_not():
    assert one(rules(), update(("fill_missed", "t1"))).title == "drift: fill_missed"
    assert rules().notices(update(("order_adopted", "o"), ("market_settled", "m"))) == []


def test_a_limit_that_lets_more_through_than_in_the_last_run_is_an_alert():
    made = rules()
    made.limits_before = dict(LIMITS.texts())
    raised = attrs.evolve(LIMITS, max_open_orders=LIMITS.max_open_orders + 1)
    made.limits = lambda: raised
    event = ev.LimitsSet(at=at(), limits=tuple(raised.texts().items()))
    notice = one(made, event)
    assert (notice.urgency, notice.title) == (U.CRITICAL, "risk limits were raised")
    assert "risk.max_open_orders" in notice.text
    assert made.notices(event) == [], "they are what they were now"


def test_unhealthy_is_told_when_it_begins_and_when_it_ends_and_the_way_up_is_no_news():
    made = rules()

    def checked(*problems):
        return ev.HealthChecked(at=at(), healthy=not problems, problems=problems)

    assert made.notices(checked("state: initializing, not ready yet")) == []
    assert made.notices(checked("state: x")) == [], "an error is told as a state"
    bad = one(made, checked("journal: disk full"))
    assert (bad.urgency, bad.text) == (U.CRITICAL, "journal: disk full")
    assert made.notices(checked("journal: disk full")) == []
    assert one(made, checked()).ends


@pytest.mark.parametrize(("name", "urgency"), [("orders", U.CRITICAL), ("trade_flow", U.NORMAL)])
def test_a_service_that_is_given_up_is_told(name, urgency):
    lost = ev.ServiceChanged(at=at(), name=name, status="quarantined", detail="ValueError")
    assert one(rules(), lost).urgency is urgency
    again = attrs.evolve(lost, status="restarting")
    assert rules().notices(again) == []


def test_a_connection_that_was_lost_is_told_and_one_that_was_not_needed_is_not():
    lost = ev.FeedDisconnected(
        at=at(), feed=ev.FeedName.PRIVATE, connection=1, reason="closed with 1006"
    )
    assert one(rules(), lost).title == "private connection lost"
    assert rules().notices(attrs.evolve(lost, of=2)) == []


OTHERS = (
    (ev.TradingPaused(at=at(), reason="lunch", by="ann"), C.RISK, "paused"),
    (ev.TradingResumed(at=at()), C.RISK, "resumed"),
    (ev.VenuePaused(at=at(), sentence="maintenance"), C.STATE, "the exchange is paused"),
    (ev.VenueResumed(at=at()), C.STATE, "the exchange trades again"),
    (ev.DegradedRaised(at=at(), part="web", reason="port"), C.HEALTH, "web is degraded"),
    (ev.DegradedCleared(at=at(), part="web"), C.HEALTH, "web is well again"),
    (
        ev.OrderOutcomeUnknown(at=at(), client_order_id=ClientOrderId("c"), sentence="no answer"),
        C.TRADE,
        "order of unknown outcome",
    ),
    (
        ev.CashMoved(
            at=at(),
            move=CashMove(
                move_id="m",
                kind=MoveKind.DEPOSIT,
                amount=Money(5_000_000),
                fee=Money(0),
                moved_at=at(),
            ),
        ),
        C.MONEY,
        "cash moved",
    ),
    (
        ev.MarketSettled(
            at=at(),
            settlement=Settlement(
                ticker=T,
                result="yes",
                yes_count=Count(500),
                no_count=Count(0),
                cost=Money(0),
                revenue=Money(5_000_000),
                fees_paid=Money(0),
                settled_at=at(),
            ),
        ),
        C.MONEY,
        "settlement",
    ),
    (
        ev.FeeDiffered(
            at=at(),
            ticker=T,
            trade_id=TradeId("t"),
            order_id=OrderId("o"),
            charged=Money(20_000),
            expected=Money(10_000),
        ),
        C.MONEY,
        "a fee differs",
    ),
)


@pytest.mark.parametrize(("event", "kind", "title"), OTHERS, ids=lambda one: type(one).__name__)
def test_other_facts_have_their_class_and_title(event, kind, title):
    notice = one(rules(), event)
    assert (notice.kind, notice.title) == (kind, title)


def test_every_kind_of_event_that_is_read_is_tested_here():
    tested = {
        *(type(event) for event, _, _ in OTHERS),
        *(ev.HaltRaised, ev.HaltCleared, ev.OrderDenied, ev.StateChanged, ev.OrderFilled),
        *(ev.TradingStateUpdated, ev.BalanceAccepted, ev.LimitsSet, ev.HealthChecked),
        *(ev.ServiceChanged, ev.FeedDisconnected),
    }
    assert sorted(tested, key=str) == sorted(TOLD_ABOUT, key=str)


def test_other_events_are_nobodys_business():
    assert rules().notices(ev.FeedConnected(at=at(), feed=ev.FeedName.PRIVATE, connection=1, url="")) == []  # fmt: skip
