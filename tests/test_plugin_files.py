import sys

from traderd import plugin_files
from traderd.plugin_files import (
    drop_in_directories,
    find_examples,
    import_file,
    modules_in,
    put_back,
    untrusted,
)


def test_the_examples_come_last(tmp_path):
    assert drop_in_directories(tmp_path)[0] == tmp_path / "plugins"
    assert drop_in_directories(tmp_path)[-1] == plugin_files.EXAMPLES
    assert (plugin_files.EXAMPLES / "spread_maker.py").is_file()


def test_a_checkout_has_its_examples_wherever_it_is_run_and_site_packages_are_none(tmp_path):
    carried, checkout = tmp_path / "traderd" / "examples", tmp_path
    (checkout / "plugins").mkdir()
    assert find_examples(carried, checkout) == carried
    (checkout / "pyproject.toml").touch()
    assert find_examples(carried, checkout) == checkout / "plugins"
    carried.mkdir(parents=True)
    assert find_examples(carried, checkout) == carried


def test_only_modules_without_an_underscore_are_plugins(tmp_path):
    for name in ("b.py", "a.py", "_c.py", "d.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in modules_in(tmp_path)] == ["a.py", "b.py"]
    assert modules_in(tmp_path / "gone") == []


def test_what_others_can_write_to_is_untrusted_but_for_our_own_examples(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.touch()
    path.chmod(0o666)
    assert untrusted(path) == ("others can write to it", f"run: chmod go-w {path}")
    monkeypatch.setattr(plugin_files, "CARRIED", tmp_path)
    assert untrusted(path) == ("", "")


def test_names_of_modules_can_be_put_back(tmp_path):
    path = tmp_path / "shelf.py"
    path.write_text("X = 1\n")
    first = import_file(path, b"X = 1\n")
    second = import_file(path, b"X = 2\n")
    assert sys.modules["traderd_dropin_shelf"] is second
    put_back("traderd_dropin_shelf", first)
    assert sys.modules["traderd_dropin_shelf"].X == 1
    put_back("traderd_dropin_shelf", None)
    assert "traderd_dropin_shelf" not in sys.modules
