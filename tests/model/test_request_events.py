from traderd.model.events import JOURNALED
from traderd.model.request_events import RequestAnswered, RequestTaken
from traderd.model.units import Timestamp
from traderd.store.codec import decode, encode


def test_the_journal_gives_a_keyed_request_and_its_answer_back():
    taken = RequestTaken(
        at=Timestamp(7), key="k-1", verb="place", digest="ab12", forgotten=("k-0",)
    )
    answered = RequestAnswered(at=Timestamp(8), key="k-1", status=200, answer='{"answer":"done"}')
    kinds = []
    for event in (taken, answered):
        kind, body = encode(event)
        kinds.append(kind)
        assert decode(kind, body, position=1) == event
    assert kinds == ["request_taken", "request_answered"]
    assert {RequestTaken, RequestAnswered} <= set(JOURNALED)


def test_a_journal_of_an_earlier_version_tells_of_no_forgotten_keys():
    body = b'{"at":7,"key":"k-1","verb":"place","digest":"ab12"}'
    taken = decode("request_taken", body, position=1)
    assert taken == RequestTaken(at=Timestamp(7), key="k-1", verb="place", digest="ab12")
    assert taken.forgotten == ()
