import pytest

from traderd.errors import BadInput
from traderd.model.notice_commands import MUTE_MAX_S, MuteNotices
from traderd.model.notices import NoticeClass


def test_a_mute_lasts_up_to_a_week():
    assert MuteNotices(kind=NoticeClass.TRADE, for_s=MUTE_MAX_S).for_s == 604_800


@pytest.mark.parametrize("seconds", [0, -1, MUTE_MAX_S + 1])
def test_a_mute_without_an_end_or_for_no_time_is_refused(seconds):
    with pytest.raises(BadInput, match="a mute lasts from 1 s to 7 days"):
        MuteNotices(kind=NoticeClass.TRADE, for_s=seconds)
