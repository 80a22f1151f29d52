import ast

import pytest

from traderd.cli.plugins_new import KINDS, NAME, new_files, next_commands


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_python_that_imports_only_the_plugin_surface(tmp_path, kind):
    for path, text in new_files("my_own", kind, tmp_path).items():
        tree = ast.parse(text)
        assert ast.get_docstring(tree)
        assert "$" not in text
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = [module for module in modules if module.startswith("traderd")]
        assert ours == [
            "traderd.plugin_api" if path.parent.name == "plugins" else "traderd.testing"
        ]
        assert len(text.splitlines()) < 60


def test_there_are_three_next_commands():
    assert len(next_commands("my_own")) == 3
    assert all(one.startswith("traderd ") for one in next_commands("my_own"))


def test_names_are_those_of_modules():
    assert NAME.fullmatch("my_maker2")
    assert not NAME.fullmatch("My-Maker")
