import pytest

from traderd.errors import BadInput
from traderd.model import notice_commands as nc
from traderd.model.notices import NoticeClass
from traderd.services.console_verbs import VERBS, refuse_unknown


def parsed(verb, body):
    parse, fields = VERBS[verb]
    refuse_unknown(body, fields)
    return parse(body)


@pytest.mark.parametrize(
    ("verb", "body", "command"),
    [
        ("notify-test", {}, nc.TryNotifiers()),
        ("notify-test", {"name": "webhook", "author": "ann"}, nc.TryNotifiers(name="webhook", by="ann")),
        ("notify-mute", {"class": "trade", "for_s": 60}, nc.MuteNotices(kind=NoticeClass.TRADE, for_s=60)),
        ("notify-unmute", {"class": "risk"}, nc.UnmuteNotices(kind=NoticeClass.RISK)),
        ("notify-ack", {"alerts": [1, 2]}, nc.AcknowledgeAlerts(numbers=(1, 2))),
        ("notify-ack", {}, nc.AcknowledgeAlerts()),
    ],
)  # fmt: skip
def test_a_verb_becomes_its_command(verb, body, command):
    assert parsed(verb, body) == command


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("notify-test", {"name": 7}, "'name' must be a name"),
        ("notify-test", {"nmae": "x"}, "there is no field 'nmae'"),
        ("notify-mute", {"class": "trades", "for_s": 60}, "'class' must be one of money, risk"),
        ("notify-mute", {"class": "trade", "for_s": "2h"}, "'for_s' must be a whole number"),
        ("notify-mute", {"class": "trade", "for_s": True}, "'for_s' must be a whole number"),
        ("notify-mute", {"class": "trade", "for_s": 0}, "a mute lasts from 1 s"),
        ("notify-unmute", {}, "'class' must be one of"),
        ("notify-ack", {"alerts": []}, "'alerts' must be a list of numbers"),
        ("notify-ack", {"alerts": ["1"]}, "'alerts' must be a list of numbers"),
    ],
)
def test_a_wrong_body_is_refused_with_the_cure(verb, body, words):
    with pytest.raises(BadInput) as caught:
        parsed(verb, body)
    assert words in str(caught.value)
