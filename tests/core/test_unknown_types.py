"""A type that nobody knows is taken for harmless after proofs, and the memory of types is bounded."""

from traderd.core.unknown_types import PROOFS, TYPES_MAX, UnknownTypes
from traderd.model.ids import MarketTicker

A, B = MarketTicker("KXA"), MarketTicker("KXB")


def prove(types: UnknownTypes, kind: str, *, times: int = PROOFS) -> None:
    for _ in range(times):
        types.begin(kind, [A])
        types.judge(A, is_same=True)


def test_a_type_is_harmless_after_so_many_proofs():
    types = UnknownTypes()
    prove(types, "stats", times=PROOFS - 1)
    assert not types.is_harmless("stats")
    prove(types, "stats", times=1)
    assert types.is_harmless("stats")
    assert not types.is_harmless("")


def test_one_frame_is_one_proof_and_only_when_all_its_books_are_the_same():
    types = UnknownTypes()
    for _ in range(PROOFS):
        types.begin("stats", [A, B])
        types.judge(A, is_same=True)
        assert types.on_trial(B)
        assert not types.on_trial(A)
        types.spoil([B], but="other")
    assert not types.is_harmless("stats")
    for _ in range(PROOFS):
        types.begin("stats", [A, B])
        types.spoil([B], but="stats")
        types.judge(A, is_same=True)
        types.judge(B, is_same=True)
    assert types.is_harmless("stats")


def test_one_change_is_enough_for_good_and_an_audit_forgives_nothing():
    types = UnknownTypes()
    prove(types, "good")
    prove(types, "bad")
    types.begin("bad", [A, B])
    types.judge(A, is_same=False)
    types.judge(B, is_same=True)
    types.forget_proofs()
    prove(types, "bad", times=2 * PROOFS)
    assert (types.is_harmless("good"), types.is_harmless("bad")) == (False, False)
    prove(types, "good")
    assert types.is_harmless("good")


def test_what_doubted_no_book_proves_nothing_and_types_are_remembered_up_to_a_bound():
    types = UnknownTypes()
    for number in range(TYPES_MAX + 1):
        types.begin(f"none {number}", [])
        types.begin(f"type {number}", [A])
    assert types.on_trial(A)
    types.judge(A, is_same=True)
    types.begin("one more", [A])
    assert not types.on_trial(A)
    prove(types, "type 0")
    assert types.is_harmless("type 0")
