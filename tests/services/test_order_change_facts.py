from tests.services.still_daemon import still_daemon
from traderd.model import events as ev
from traderd.model.commands import Answer
from traderd.model.orders import AmendKind, AmendTerms, Side
from traderd.model.units import parse_count, parse_price
from traderd.runtime.inbox import Policy
from traderd.services.order_change_facts import ChangeFacts

TERMS = AmendTerms(kind=AmendKind.AMEND, price=parse_price("0.11"), count=parse_count("5"))


async def test_a_change_that_failed_is_told_in_the_journal_the_log_and_the_answer(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        order = daemon.view.order(daemon.place(Side.BID, "5", "0.10"))
        facts = ChangeFacts(daemon.context("orders"), resolve=lambda order: None)
        with daemon.context("test").subscribe(
            ev.AmendRequested, ev.AmendFailed, policy=Policy.LOSSLESS
        ) as inbox:
            facts.requested(order, TERMS)
            assert order.pending.terms == TERMS
            outcome = facts.failed(order, "some_code", "they said no", Answer.REJECTED)
            told = [event for _ in range(2) for event in await inbox.receive()]
        assert (outcome.answer, outcome.key, outcome.sentence) == (
            Answer.REJECTED,
            order.key,
            "they said no",
        )
        assert (told[1].code, told[1].sentence, told[1].order_id) == (
            "some_code",
            "they said no",
            order.order_id,
        )
        assert order.pending is None
        assert f"order {order.key} was not changed: they said no" in daemon.log_text.getvalue()


async def test_one_that_is_unknown_is_found_out_about_once_and_counts_as_asked(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        errors = []
        for is_counted in (True, False):
            order = daemon.view.order(daemon.place(Side.BID, "5", "0.10"))
            sought: list[str] = []
            facts = ChangeFacts(
                daemon.context("orders"), resolve=lambda order, to=sought: to.append(order.key)
            )
            facts.requested(order, TERMS)
            outcome = facts.unknown(order, "no answer", is_counted=is_counted)
            assert (outcome.answer, sought) == (Answer.UNKNOWN, [order.key])
            assert order.terms_unknown
            errors.append(daemon.view.conditions.consecutive_errors)
        # The second order was accepted meanwhile, which ends a row of errors.
        assert errors == [1, 0]
        assert "its market is fenced: no answer" in daemon.log_text.getvalue()
