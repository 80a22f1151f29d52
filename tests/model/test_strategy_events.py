import re

from tests.architecture.sources import ROOT
from traderd.model.strategy_events import TickCause, TickOutcome

PAGE = (ROOT / "docs" / "write-a-strategy.md").read_text()


def test_the_page_lists_every_outcome_of_a_tick_and_no_other():
    written = re.findall(
        r"^\| `([a-z_]+)` \|", PAGE.partition("## How a tick ends")[2], re.MULTILINE
    )
    assert written == [outcome.value for outcome in TickOutcome]


def test_every_cause_has_a_method_of_its_name():
    assert [f"on_{cause.value}" for cause in TickCause] == [
        "on_book",
        "on_trade",
        "on_fill",
        "on_timer",
    ]
