import sys

import pytest

from tests.test_plugin_checks import HEAD, write
from traderd.plugin_checks import PluginFault
from traderd.plugin_opening import fail, found_record, open_drop_in, switch_off
from traderd.runtime.plugin_record import Origin, PluginState

GOOD = HEAD + "__version__ = '1.2'\n@hookimpl\ndef traderd_strategies():\n    return []\n"


def test_a_module_that_fits_tells_version_and_hooks(tmp_path):
    record = found_record(write(tmp_path, GOOD))
    module = open_drop_in(record)
    assert (record.version, record.hooks, record.origin) == (
        "1.2",
        ("traderd_strategies",),
        Origin.DROP_IN,
    )
    assert sys.modules["traderd_dropin_mine"] is module


@pytest.mark.parametrize("text", [HEAD + "1 / 0\n", HEAD + "def traderd_strategies(): ...\n"])
def test_one_that_fails_leaves_the_form_before_it_in_place(tmp_path, text):
    before = open_drop_in(found_record(write(tmp_path, GOOD)))
    with pytest.raises(PluginFault):
        open_drop_in(found_record(write(tmp_path, text)))
    assert sys.modules["traderd_dropin_mine"] is before


def test_an_edit_of_the_same_second_and_size_is_seen(tmp_path):
    path = write(tmp_path, GOOD + "X = 1\n")
    assert open_drop_in(found_record(path)).X == 1
    path.write_text(path.read_text().replace("X = 1", "X = 2"))
    assert open_drop_in(found_record(path)).X == 2
    assert not (tmp_path / "__pycache__").exists()


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(PluginFault, match="it cannot be read"):
        open_drop_in(found_record(tmp_path / "gone.py"))


def test_records_learn_why_a_plugin_does_not_run(tmp_path):
    record = found_record(tmp_path / "mine.py")
    fail(record, PluginFault("why", "cure", 7))
    assert (record.state, record.place) == (PluginState.FAILED, f"{tmp_path / 'mine.py'}:7")
    assert record.sentence == "why; cure"
    switch_off(record, "disabled by ann")
    assert record.state is PluginState.OFF
    assert "traderd plugins enable mine" in record.sentence
