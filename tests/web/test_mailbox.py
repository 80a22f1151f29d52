from traderd.web.mailbox import EVENTS_MAX, LATEST_MAX, Mailbox


def fresh() -> Mailbox:
    mailbox = Mailbox()
    mailbox.stale = False
    return mailbox


def test_only_the_newest_version_of_an_order_waits():
    mailbox = fresh()
    mailbox.put("order", "k1", "first")
    mailbox.put("order", "k2", "other")
    mailbox.put("order", "k1", "second")
    assert mailbox.take() == ["other", "second"]
    assert len(mailbox) == 0


def test_an_order_and_a_position_with_the_same_key_do_not_replace_each_other():
    mailbox = fresh()
    mailbox.put("order", "k", "order")
    mailbox.put("position", "k", "position")
    assert mailbox.take() == ["order", "position"]


def test_every_fill_and_log_line_waits_in_order_and_no_fill_waits_for_a_line():
    mailbox = fresh()
    for number in range(5):
        mailbox.put("log", "", f"log {number}")
        mailbox.put("fill", "", f"fill {number}")
    expected = [f"{type_} {number}" for type_ in ("fill", "log") for number in range(5)]
    assert mailbox.take() == expected
    assert len(mailbox) == 0


def test_a_status_from_before_a_halt_is_read_before_it():
    mailbox = fresh()
    mailbox.put("trader_status", "", "status without the halt")
    mailbox.put("halt", "", "halt")
    mailbox.put("order", "k", "order")
    mailbox.put("halt", "", "cleared")
    mailbox.put("trader_status", "", "status after it")
    assert mailbox.take() == ["halt", "order", "cleared", "status after it"]
    mailbox.put("trader_status", "", "status without the halt")
    mailbox.put("halt", "", "halt")
    assert mailbox.take() == ["status without the halt", "halt"]


def test_a_flood_of_events_becomes_a_snapshot_instead_of_a_hole():
    mailbox = fresh()
    for number in range(EVENTS_MAX):
        mailbox.put("log", "", str(number))
    assert not mailbox.stale
    mailbox.put("log", "", "one too many")
    assert mailbox.stale
    assert mailbox.dropped == EVENTS_MAX + 1
    assert len(mailbox) == 0


def test_a_stale_mailbox_keeps_nothing_however_long_nobody_reads():
    mailbox = Mailbox()
    for number in range(10_000):
        mailbox.put("log", "", "line")
        mailbox.put("order", f"k{number}", "order")
    assert len(mailbox) == 0
    assert mailbox.dropped == 20_000


def test_too_many_distinct_orders_become_a_snapshot():
    mailbox = fresh()
    for number in range(LATEST_MAX + 1):
        mailbox.put("order", f"k{number}", "order")
    assert mailbox.stale
    assert len(mailbox) == 0
