"""Published fees: which terms hold when."""

from traderd.model.fees import FeeChange, FeeTerms, PublishedFees
from traderd.model.units import Timestamp

HALF, FULL, NOTHING = (FeeTerms(maker_rate=0, multiplier=number) for number in (500, 1_000, 0))


def test_an_announced_change_holds_from_its_moment_on():
    fees = PublishedFees(
        of="KXA",
        terms=FULL,
        changes=(
            FeeChange(at=Timestamp(10), terms=HALF),
            FeeChange(at=Timestamp(20), terms=NOTHING),
        ),
    )
    assert [fees.at(Timestamp(moment)) for moment in (9, 10, 19, 20)] == [FULL, HALF, HALF, NOTHING]
    assert fees.all() == (FULL, HALF, NOTHING)


def test_an_event_without_terms_of_its_own_has_none():
    fees = PublishedFees(of="KXA-26", terms=None)
    assert (fees.at(Timestamp(5)), fees.all()) == (None, ())
