from tests.web.live_looking import ALPHA, LiveLookingSource
from traderd.web.source import ConsoleSource


def money_values(record):
    if isinstance(record, dict):
        for name, value in record.items():
            if name.endswith("_dollars"):
                yield name, value
            yield from money_values(value)
    elif isinstance(record, list):
        for item in record:
            yield from money_values(item)


def test_the_source_of_the_tests_has_every_method_that_the_console_asks_for():
    assert isinstance(LiveLookingSource(), ConsoleSource)


def test_a_source_without_commands_is_not_a_console_source():
    methods = {name: value for name, value in vars(LiveLookingSource).items() if name != "command"}
    lesser = type("Lesser", (), methods)
    assert not isinstance(lesser(), ConsoleSource)


def test_money_in_the_records_is_text():
    source = LiveLookingSource()
    records = [
        source.status(),
        source.order_list,
        source.positions(),
        source.fill_list,
        source.book(ALPHA),
    ]
    found = list(money_values(records))
    assert len(found) > 20
    assert {type(value) for _name, value in found} == {str}
