import typing

import pytest

from traderd.errors import BadInput
from traderd.model.commands import Command
from traderd.model.plugin_commands import DisablePlugin, EnablePlugin, ReloadPlugin
from traderd.services.console_verbs import VERBS, refuse_unknown

KINDS = {
    "reload-plugin": ReloadPlugin,
    "disable-plugin": DisablePlugin,
    "enable-plugin": EnablePlugin,
}


@pytest.mark.parametrize("verb", KINDS)
def test_each_verb_is_a_command_with_its_author(verb):
    parse, fields = VERBS[verb]
    assert parse({"plugin": "mine", "author": "ann"}) == KINDS[verb](plugin="mine", by="ann")
    assert KINDS[verb] in typing.get_args(Command)
    with pytest.raises(BadInput):
        refuse_unknown({"plugins": "mine"}, fields)
    with pytest.raises(BadInput, match="'plugin' must be a text"):
        parse({})
