"""The fingerprint of the code that folds."""

from pathlib import Path

import traderd
from traderd.store import fold_code as module
from traderd.store.fold_code import FINGERPRINT_CHARACTERS, fold_code


class Package:
    """A package with these files."""

    def __init__(self, path: Path, files: dict[str, str]) -> None:
        self.path = path
        for name, text in files.items():
            (path / name).write_text(text)

    def iterdir(self):
        return self.path.iterdir()


def of_files(tmp_path, monkeypatch, files: dict[str, str]) -> str:
    package = Package(tmp_path, files)
    monkeypatch.setattr(module.resources, "files", lambda _: package)
    return fold_code.__wrapped__()


def test_it_is_the_same_at_every_start_of_one_version():
    assert fold_code() == fold_code.__wrapped__()
    assert len(fold_code()) == FINGERPRINT_CHARACTERS


def test_any_change_of_a_fold_changes_it(tmp_path, monkeypatch):
    files = {"engine.py": "a = 1\n", "ledger.py": "b = 1\n", "notes.txt": "x"}
    before = of_files(tmp_path, monkeypatch, files)
    assert of_files(tmp_path, monkeypatch, {"notes.txt": "y"}) == before
    assert of_files(tmp_path, monkeypatch, {"ledger.py": "b = 2\n"}) != before
    assert of_files(tmp_path, monkeypatch, {"ledger.py": "b = 1\n"}) == before
    assert of_files(tmp_path, monkeypatch, {"new.py": ""}) != before


def test_it_covers_all_that_decides_what_an_event_does():
    root = Path(traderd.__file__).parent
    covered = {root.joinpath(*package.split(".")[1:]) for package in module.PACKAGES}
    assert covered == {root / "core", root / "model"}
    # Files in folders of these would be missed.
    assert not [
        one
        for path in covered
        for one in path.iterdir()
        if one.is_dir() and one.name != "__pycache__"
    ]
