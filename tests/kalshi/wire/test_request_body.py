"""What is wrong with a body is said in the sentences of Kalshi's own decoder."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import ErrorShape, RequestRefused
from traderd.kalshi.wire.request_body import decode_request, word_of
from traderd.model.orders import Side

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


class Body(msgspec.Struct):
    name: str
    count: int | None = None
    flag: bool | None = None
    ids: list[str] = []


def refusal(body: bytes):
    with pytest.raises(RequestRefused) as caught:
        decode_request(body, Body, "Thing")
    return caught.value.refusal


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"[]", "json: cannot unmarshal array into Go value of type Thing"),
        (b'"x"', "json: cannot unmarshal string into Go value of type Thing"),
        (
            b'{"name":1}',
            "json: cannot unmarshal number into Go struct field Thing.name of type string",
        ),
        (
            b'{"name":"a","count":"1"}',
            "json: cannot unmarshal string into Go struct field Thing.count of type int64",
        ),
        (
            b'{"name":"a","flag":1.5}',
            "json: cannot unmarshal number into Go struct field Thing.flag of type bool",
        ),
        (
            b'{"name":"a","ids":[1]}',
            "json: cannot unmarshal number into Go struct field Thing.ids of type string",
        ),
        (
            b'{"name":"a","ids":{}}',
            "json: cannot unmarshal object into Go struct field Thing.ids of type slice",
        ),
    ],
)
def test_a_wrong_type_gets_the_flat_go_sentence(body, details):
    refused = refusal(body)
    assert (refused.status, refused.code, refused.details) == (400, "bad_request", details)
    assert refused.shape is ErrorShape.FLAT


@pytest.mark.parametrize("body", [b"{}", b'{"name":null}'])
def test_an_absent_and_a_null_field_are_missing_alike(body):
    refused = refusal(body)
    assert (refused.code, refused.details) == ("missing_parameters", "name")
    assert refused.shape is ErrorShape.NESTED


@pytest.mark.parametrize("body", [b"{", b"{}}", b"\xff", b'{"name":"\\ud800"}', b"[" * 100_000])
def test_what_is_no_json_is_a_bad_request_too(body):
    assert refusal(body).code in {"bad_request", "missing_parameters"}


def test_unknown_fields_are_ignored():
    assert decode_request(b'{"name":"a","more":[1]}', Body, "Thing").name == "a"


@given(st.binary(max_size=30) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_body_does_anything_but_decode_or_be_refused(body):
    try:
        decoded = decode_request(body, Body, "Thing")
    except RequestRefused as exc:
        said = exc.refusal.body()
    else:
        said = msgspec.json.encode(decoded)
    assert isinstance(json.loads(said), dict)


def test_a_word_that_is_none_is_answered_with_those_there_are():
    assert word_of(Side, "ask", "side") is Side.ASK
    with pytest.raises(RequestRefused) as caught:
        word_of(Side, "yes", "side")
    assert caught.value.refusal.details == "side must be one of bid, ask"
