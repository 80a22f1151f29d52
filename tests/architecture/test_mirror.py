"""Tests mirror the source: each file has its tests where one looks for them, and no orphan stays."""

from collections.abc import Iterable

from tests.architecture.sources import PACKAGE, python_files, relative

FREE_FOLDERS = ("contract", "simulation", "architecture", "browser", "data")
"""Tests about the whole: no single source file stands behind them."""
WITHOUT_TESTS = ("__init__.py", "__main__.py")


def expected_test(source: str) -> str | None:
    """Return where the tests of a source file are: `traderd/a/b.py` -> `tests/a/test_b.py`."""
    *folders, name = source.split("/")
    if name in WITHOUT_TESTS:
        return None
    inside = folders[1:] if folders[0] == PACKAGE else folders
    return "/".join(["tests", *inside, f"test_{name}"])


def missing_tests(sources: Iterable[str], tests: Iterable[str]) -> list[str]:
    """Return `source -> test` for each source file whose test file is not there."""
    there = frozenset(tests)
    return [
        f"{source} -> {expected}"
        for source in sources
        if (expected := expected_test(source)) is not None and expected not in there
    ]


def orphaned_tests(sources: Iterable[str], tests: Iterable[str]) -> list[str]:
    """Return the test files of mirrored folders whose source file is gone."""
    wanted = frozenset(filter(None, map(expected_test, sources)))
    return [
        test
        for test in tests
        if test.split("/")[-1].startswith("test_")
        and test.split("/")[1] not in FREE_FOLDERS
        and test not in wanted
    ]


def the_tree() -> tuple[list[str], list[str]]:
    return (
        [relative(path) for path in python_files(PACKAGE, "plugins")],
        [relative(path) for path in python_files("tests")],
    )


def test_every_source_file_has_its_test_file():
    assert missing_tests(*the_tree()) == []


def test_every_test_file_has_its_source_file():
    sources, tests = the_tree()
    # Benchmarks need no tests, but may have some.
    benchmarks = [relative(path) for path in python_files("benchmarks")]
    assert orphaned_tests([*sources, *benchmarks], tests) == []


def test_a_missing_test_file_is_noticed():
    sources = [
        "traderd/core/book.py",
        "traderd/cli.py",
        "plugins/maker.py",
        "traderd/core/__init__.py",
    ]
    assert missing_tests(sources, ["tests/test_cli.py"]) == [
        "traderd/core/book.py -> tests/core/test_book.py",
        "plugins/maker.py -> tests/plugins/test_maker.py",
    ]


def test_an_orphaned_test_file_is_noticed():
    tests = [
        "tests/core/test_gone.py",
        "tests/core/test_book.py",
        "tests/core/helpers.py",
        "tests/simulation/test_days.py",
        "tests/test_gone.py",
    ]
    assert orphaned_tests(["traderd/core/book.py"], tests) == [
        "tests/core/test_gone.py",
        "tests/test_gone.py",
    ]
