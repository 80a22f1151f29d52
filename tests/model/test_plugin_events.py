import pytest

from traderd.model.events import JOURNALED
from traderd.model.plugin_events import PluginChange, PluginChanged
from traderd.model.state_events import Author
from traderd.model.units import Timestamp
from traderd.store.codec import decode, encode


@pytest.mark.parametrize("change", PluginChange)
def test_each_change_goes_through_the_journal_unharmed(change):
    event = PluginChanged(
        at=Timestamp(5), plugin="mine", change=change, detail="why", author=Author.MACHINE, by="ann"
    )
    kind, body = encode(event)
    assert kind == "plugin_changed"
    assert decode(kind, body, position=1) == event
    assert PluginChanged in JOURNALED


def test_an_old_row_without_an_author_is_a_persons():
    body = b'{"at":5,"plugin":"mine","change":"disabled","detail":""}'
    event = decode("plugin_changed", body, position=1)
    assert (event.author, event.by) == (Author.PERSON, "")
