"""The cutter reads any stream in any pieces as wsproto reads it whole: the same messages, the same objections."""

import itertools
import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from traderd.kalshi.frame_cutter import TABLE, Act, FrameCutter, Kind, State

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
LENGTH_FORMS = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)


def frame(first, payload, *, form=None, mask=False):
    """One frame with any first byte; `form` forces a length form, also a wasteful one."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 65_536 else 64)
    masked = 0x80 if mask else 0
    if form == 7:
        head = bytes([first, masked | size])
    elif form == 16:
        head = bytes([first, masked | 126]) + struct.pack("!H", size)
    else:
        head = bytes([first, masked | 127]) + struct.pack("!Q", size)
    return head + (b"mask" if mask else b"") + payload


class Witness:
    """wsproto alone: what it makes of a server's bytes until it objects or the server closes."""

    def __init__(self):
        self.connection = Connection(ConnectionType.CLIENT)
        self.messages, self.controls, self.parts = [], [], []
        self.error = self.close = None

    def read(self, data):
        if self.error or self.close:
            return
        self.connection.receive_data(data)
        try:
            for event in self.connection.events():
                if self.note(event):
                    return
        except RemoteProtocolError as exc:
            self.error = (str(exc), exc.event_hint.code)

    def note(self, event):
        if isinstance(event, TextMessage | BytesMessage):
            data = event.data
            self.parts.append(data.encode() if isinstance(data, str) else bytes(data))
            if event.message_finished:
                self.messages.append(b"".join(self.parts))
                self.parts = []
        elif isinstance(event, Ping | Pong):
            self.controls.append((type(event), bytes(event.payload)))
        elif isinstance(event, CloseConnection):
            # Where in a text the fault is depends on the pieces in which wsproto itself got it.
            reason = None if event.code == CloseReason.INVALID_FRAME_PAYLOAD_DATA else event.reason
            self.close = (event.code, reason)
        return self.close is not None


def read_with_ours(pieces, **limits):
    """Feed the cutter in these pieces, and wsproto behind it as trio-websocket would."""
    cutter, batch, behind, head = FrameCutter(**limits), [], Witness(), b""
    for piece in pieces:
        data = piece
        while True:
            passed = cutter.cut(data, batch)
            if len(head) < len(ACCEPTED):
                head += passed
            else:
                behind.read(passed)
            if not cutter.ready:
                break
            data = b""
    assert head == ACCEPTED
    return cutter, batch + behind.messages, behind


def in_pieces(data, seed):
    rng = random.Random(seed)
    largest = rng.choice([1, 3, 10, 200, 5_000, 100_000]) if len(data) < 20_000 else 65_536
    pieces = []
    while data:
        size = rng.randint(1, largest)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


texts = st.one_of(st.text(max_size=40), st.sampled_from(LENGTH_FORMS).map("x".__mul__)).map(
    str.encode
)
payloads = st.one_of(texts, st.binary(max_size=40))
controls = st.builds(frame, st.sampled_from([0x89, 0x8A]), st.binary(max_size=125))
whole = st.one_of(st.builds(frame, st.just(0x81), texts), st.builds(frame, st.just(0x82), payloads))


@st.composite
def split(draw):
    """A message in fragments, cut anywhere (also within a character), with control frames between them."""
    is_text = draw(st.booleans())
    payload = draw(texts if is_text else payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), min_size=1, max_size=4)))
    parts = [payload[a:b] for a, b in itertools.pairwise([0, *cuts, len(payload)])]
    stream = b""
    for number, part in enumerate(parts):
        opcode = (1 if is_text else 2) if number == 0 else 0
        stream += frame(opcode | (0x80 if number == len(parts) - 1 else 0), part)
        if number < len(parts) - 1:
            stream += b"".join(draw(st.lists(controls, max_size=2)))
    return stream


closes = st.builds(
    frame,
    st.just(0x88),
    st.one_of(
        st.just(b""),
        st.just(b"\x03"),
        st.builds(
            lambda code, reason: struct.pack("!H", code) + reason.encode()[:100],
            st.sampled_from([1000, 1001, 1005, 1011, 3000, 4999, 999, 5000]),
            st.text(max_size=20),
        ),
    ),
)
odd = st.one_of(
    st.builds(
        frame, st.integers(0, 255), st.binary(max_size=200)
    ),  # reserved bits, opcodes, orphans
    st.builds(frame, st.sampled_from([0x81, 0x82, 0x01, 0x89]), payloads, mask=st.just(True)),
    st.builds(frame, st.sampled_from([0x81, 0x82]), st.binary(max_size=125), form=st.just(16)),
    st.builds(frame, st.sampled_from([0x81, 0x82]), st.binary(max_size=300), form=st.just(64)),
    st.builds(frame, st.just(0x81), st.binary(min_size=1, max_size=30)),  # mostly no text
    st.builds(frame, st.just(0x01), st.binary(max_size=30)),
    st.builds(frame, st.sampled_from([0x88, 0x89, 0x8A]), st.binary(min_size=126, max_size=200)),
    st.just(b"\x81\x7f" + struct.pack("!Q", 1 << 63)),
)
lawful = st.lists(st.one_of(whole, whole, split(), controls), max_size=12).map(b"".join)
streams = st.builds(
    lambda before, oddity, after: before + oddity + after,
    lawful,
    st.one_of(odd, closes, st.just(b"")),
    lawful,
)


@settings(max_examples=600, deadline=None)
@given(data=streams, seed=st.integers(0, 1_000_000))
def test_any_stream_in_any_pieces_reads_as_wsproto_reads_it(data, seed):
    alone = Witness()
    alone.read(data)
    _, messages, behind = read_with_ours(in_pieces(ACCEPTED + data, seed))
    assert messages == alone.messages
    assert behind.controls == alone.controls
    assert (behind.error, behind.close) == (alone.error, alone.close)


@settings(max_examples=200, deadline=None)
@given(data=streams, seed=st.integers(0, 1_000_000), share=st.floats(0, 1))
@example(data=frame(0x81, b"x") + frame(0x88, bytes(126))[:3], seed=0, share=1.0)
@example(data=frame(0x01, b"x") + frame(0x81, bytes(126))[:2], seed=0, share=1.0)
@example(data=frame(0x83, bytes(126))[:2], seed=0, share=1.0)
def test_a_stream_that_breaks_off_reads_as_wsproto_reads_it(data, seed, share):
    data = data[: int(len(data) * share)]
    alone = Witness()
    alone.read(data)
    _, messages, behind = read_with_ours(in_pieces(ACCEPTED + data, seed))
    assert messages == alone.messages
    assert behind.error == alone.error
    # Alone, wsproto may already object to the text of a frame whose end never comes.
    assert behind.close == alone.close or (behind.close is None and alone.close == (1007, None))


@settings(max_examples=100, deadline=None)
@given(data=streams, seed=st.integers(0, 1_000_000), limit=st.sampled_from([0, 10, 130, 1_000]))
def test_a_lower_limit_changes_who_reads_a_message_and_not_what_is_read(data, seed, limit):
    alone = Witness()
    alone.read(data)
    cutter, messages, behind = read_with_ours(
        in_pieces(ACCEPTED + data, seed), message_bytes_max=limit
    )
    assert messages == alone.messages
    assert (behind.error, behind.close) == (alone.error, alone.close)
    assert len(cutter._held) <= limit


def test_the_table_names_what_every_frame_does_in_every_state_that_has_frames():
    assert set(TABLE) == set(itertools.product((State.BETWEEN, State.WITHIN), Kind))
    for (state, kind), (act, after) in TABLE.items():
        # Nothing is cut any more after what trio-websocket has to judge, and only a control frame passes alone.
        assert (after is State.PASSING) == (act is Act.PASS and kind is not Kind.CONTROL)
        if act is Act.PASS and kind is Kind.CONTROL:
            assert after is state


def reached(state):
    cutter = FrameCutter()
    cutter.cut(ACCEPTED, [])
    if state is State.WITHIN:
        cutter.cut(frame(0x01, b"held"), [])
    assert cutter.state is state
    return cutter


EXAMPLES = {
    Kind.WHOLE: frame(0x81, b"a"),
    Kind.FIRST: frame(0x01, b"a"),
    Kind.MIDDLE: frame(0x00, b"a"),
    Kind.LAST: frame(0x80, b"a"),
    Kind.CONTROL: frame(0x89, b"a"),
    Kind.CLOSE: frame(0x88, b"\x03\xe8"),
    Kind.ODD: frame(0xC1, b"a"),
}


@pytest.mark.parametrize(("state", "kind"), TABLE)
def test_each_row_of_the_table_is_what_happens(state, kind):
    act, after = TABLE[state, kind]
    cutter, batch = reached(state), []
    passed = cutter.cut(EXAMPLES[kind], batch)
    assert cutter.state is after
    assert batch == {Act.DELIVER: [b"a"], Act.JOIN: [b"helda"]}.get(act, [])
    held_back = frame(0x01, b"held") if (state, after) == (State.WITHIN, State.PASSING) else b""
    assert passed == (held_back + EXAMPLES[kind] if act is Act.PASS else b"")


def test_frames_behind_the_handshake_wait_until_it_was_dealt_with():
    cutter, batch = FrameCutter(), []
    assert cutter.cut(ACCEPTED + frame(0x81, b"early"), batch) == ACCEPTED
    assert (batch, cutter.ready) == ([], True)
    assert cutter.cut(b"", batch) == b""
    assert (batch, cutter.ready) == ([b"early"], False)


def test_what_breaks_a_rule_goes_on_before_its_payload_came():
    cutter = reached(State.BETWEEN)
    assert cutter.cut(b"\xc1\x7e\x03\xe8only the head", []) == b"\xc1\x7e\x03\xe8only the head"
    assert cutter.state is State.PASSING


def test_a_frame_whose_length_was_not_counted_from_its_head_is_not_guessed():
    cutter, batch = reached(State.BETWEEN), []
    data = frame(0x82, b"y" * 70_000)
    for size in range(1, 12):
        assert cutter.cut(data[size - 1 : size], batch) == b""
    assert cutter.cut(data[11:], batch) == b""
    assert batch == [b"y" * 70_000]


def test_a_flood_of_pings_costs_no_more_than_its_bytes():
    cutter = reached(State.BETWEEN)
    pings = frame(0x89, b"") * 500_000
    assert cutter.cut(pings, []) == pings


def test_endless_empty_fragments_are_not_hoarded():
    cutter = FrameCutter(message_bytes_max=1_000)
    cutter.cut(ACCEPTED, [])
    data = frame(0x02, b"") + frame(0x00, b"") * 10_000
    passed = cutter.cut(data, [])
    assert (passed, cutter.state) == (data, State.PASSING)
    assert not cutter._held


def test_a_large_message_in_many_pieces_is_joined_only_once():
    joins = []

    class Counting(FrameCutter):
        def _join(self, data):
            joins.append(len(self._rest))
            return super()._join(data)

    cutter, batch = Counting(), []
    data = ACCEPTED + frame(0x81, b"x" * 1_000_000)
    for start in range(0, len(data), 1_000):
        cutter.cut(data[start : start + 1_000], batch)
        if cutter.ready:
            cutter.cut(b"", batch)
    assert len(batch) == 1
    assert len(joins) <= 5
