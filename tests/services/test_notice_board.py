import json

from tests.services.test_notifier import TOKEN, world
from traderd.model.commands import Answer
from traderd.model.notice_commands import MuteNotices
from traderd.model.notices import NoticeClass
from traderd.services.notice_board import Notices, notices_document


async def test_the_document_shows_channels_mutes_alerts_and_the_newest_notices(
    autojump_clock, tmp_path
):
    async with world(tmp_path) as here:
        here.halt()
        await here.settle()
        outcome = await here.send(MuteNotices(kind=NoticeClass.TRADE, for_s=60))
        assert outcome.answer is Answer.DONE
        document = notices_document(here.board, here.daemon.now())
        (channel,) = document["notifiers"]
        assert (channel["name"], channel["plugin"]) == ("telegram", "telegram_notifier")
        assert (channel["delivered"], channel["failed"], channel["waiting"]) == (1, 0, 0)
        assert document["classes"]["trade"] == {"muted_for_s": 60.0}
        assert document["classes"]["risk"] == {"muted_for_s": 0.0}
        (alert,) = document["alerts"]
        assert (alert["number"], alert["title"], alert["told"]) == (1, "halt breaker", 1)
        assert 59 < alert["next_in_s"] <= 60
        assert document["recent"][-1]["key"] == "halt:breaker"
        assert TOKEN not in json.dumps(document)


async def test_an_empty_board_is_a_document_too(autojump_clock):
    document = notices_document(Notices(), 0)
    assert (document["notifiers"], document["alerts"], document["recent"]) == ([], [], [])
    assert document["quiet_now"] is False
