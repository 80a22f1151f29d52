"""Every choice is written down once, with its reason, and somebody asks for it."""

import ast

import pytest

from tests.architecture.sources import python_files, relative
from traderd.paper import choices

SOURCE = "traderd/paper/choices.py"


def names() -> list[str]:
    return [name for name in vars(choices) if name.isupper() and name != "NS_PER_S"]


def sources() -> dict[str, str]:
    return {relative(path): path.read_text() for path in python_files("traderd")}


@pytest.mark.parametrize("name", names())
def test_every_choice_is_asked_for_somewhere(name):
    asking = [
        path
        for path, text in sources().items()
        if path.startswith("traderd/paper/") and path != SOURCE and f"choices.{name}" in text
    ]
    assert asking


def test_every_choice_is_followed_by_its_reason():
    body = ast.parse(sources()[SOURCE]).body
    chosen = [place for place, each in enumerate(body) if isinstance(each, ast.AnnAssign)]
    for place in chosen:
        # Choices that belong together share the text below the last of them.
        after = next(each for each in body[place + 1 :] if not isinstance(each, ast.AnnAssign))
        assert isinstance(after, ast.Expr), ast.unparse(body[place])
        assert isinstance(after.value, ast.Constant)
    assert len(chosen) == len(names())
