"""What is kept of a row that cannot be read."""

import attrs
import pytest

from traderd.model.rows import RowKind, UnreadableRow


def test_a_row_says_its_list_and_what_is_wrong_and_the_rest_may_be_unknown():
    row = UnreadableRow(kind=RowKind.FILL, key="t1 o1", words="fill t1: count_fp is missing")
    assert (row.ticker, row.order_id, row.client_order_id, row.raw) == (None, None, None, "")


def test_rows_are_values_and_do_not_change():
    row = UnreadableRow(kind=RowKind.FILL, key="t1", words="what")
    assert {row: 1}[UnreadableRow(kind=RowKind.FILL, key="t1", words="what")] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        row.key = "t2"
