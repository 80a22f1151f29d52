"""How notices and messages read: on a lock screen, in a chat, in a program."""

import pytest

from traderd.model.notices import TEXT_MAX, Notice, NoticeClass, NoticeMessage, Urgency
from traderd.model.units import Timestamp


def notice(title="halt breaker", text="5 errors", urgency=Urgency.NORMAL, **changes) -> Notice:
    return Notice(
        **{
            "at": Timestamp(7),
            "kind": NoticeClass.RISK,
            "urgency": urgency,
            "key": "halt:breaker",
            "title": title,
            "text": text,
        }
        | changes
    )


def message(*notices: Notice, left_out: int = 0) -> NoticeMessage:
    return NoticeMessage(environment="sim", notices=notices, left_out=left_out)


def test_one_notice_is_one_line_with_the_environment_in_front():
    assert message(notice()).text == "[sim] halt breaker: 5 errors"


def test_an_alert_says_so_and_has_the_number_to_acknowledge_it_by():
    alert = notice(urgency=Urgency.CRITICAL, alert=3)
    assert message(alert).text == "[sim] ALERT halt breaker (alert 3): 5 errors"


def test_several_have_a_subject_and_a_line_each():
    many = message(notice(), notice("fill", "bought 5"), left_out=2)
    assert many.text.splitlines() == [
        "[sim] halt breaker and 3 more",
        "- halt breaker: 5 errors",
        "- fill: bought 5",
        "- ...and 2 more; see `traderd notify list`",
    ]


def test_a_message_is_as_urgent_as_its_most_urgent_notice():
    mixed = message(notice(urgency=Urgency.LOW), notice(urgency=Urgency.CRITICAL))
    assert mixed.urgency is Urgency.CRITICAL
    assert Urgency.LOW < Urgency.NORMAL < Urgency.CRITICAL


def test_a_long_text_is_cut_and_a_missing_one_leaves_no_colon():
    assert len(notice(text="x" * 5_000).line()) < TEXT_MAX + 50
    assert notice("ready", "").line() == "ready"


def test_the_document_has_plain_values_only():
    document = message(notice(alert=1)).document()
    assert document["notices"] == [
        {
            "at_ns": 7,
            "class": "risk",
            "urgency": "normal",
            "key": "halt:breaker",
            "title": "halt breaker",
            "text": "5 errors",
            "ends": False,
            "alert": 1,
        }
    ]
    assert (document["environment"], document["urgency"]) == ("sim", "normal")


@pytest.mark.parametrize("urgency", Urgency)
def test_an_urgency_is_one_lower_case_word(urgency):
    assert urgency.word == urgency.name.lower()
