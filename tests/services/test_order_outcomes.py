"""What answers to new orders mean: each code has one word, and each answer one outcome."""

import pytest

from traderd.errors import ExchangeRefused
from traderd.services.order_outcomes import code_of


@pytest.mark.parametrize(
    ("status", "code", "details", "word"),
    [
        (409, "EXCHANGE_IS_PAUSED", None, "exchange_is_paused"),
        (429, "whatever", None, "too_many_requests"),
        (400, "invalid_order", "Post Only Cross", "post_only_cross"),
        (400, "invalid_order", "expiry in the past", "invalid_order"),
    ],
)
def test_a_refusal_has_one_word_in_whatever_case_and_status(status, code, details, word):
    refusal = ExchangeRefused(status=status, code=code, message="no", details=details)
    assert code_of(refusal) == word
