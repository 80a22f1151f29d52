"""What the C library keeps back: large blocks go at once, and what is free between others when it is asked for."""

import subprocess
import sys

import pytest

from traderd.runtime import c_memory
from traderd.runtime.c_memory import return_large_blocks, trim

RSS_MB = """
import sys
from traderd.runtime.c_memory import OWN_MAPPING_BYTES, return_large_blocks, trim

def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
"""
PAGES_BETWEEN_WHAT_STAYS = """
if sys.argv[1] == "settled":
    assert return_large_blocks()
# A large block that comes and goes is what glibc learns from.
bytearray(16 * OWN_MAPPING_BYTES)
before, small = rss_mb(), []
for _ in range(3):
    pages = []
    for _ in range(10):
        pages.append(bytearray(8 * OWN_MAPPING_BYTES))
        small.append(bytearray(2_000))
    del pages
print(rss_mb() - before)
"""
SMALL_ONES_BETWEEN_WHAT_STAYS = """
kept = [bytearray(2_000) for _ in range(20_000)]
before = rss_mb()
kept = [each for number, each in enumerate(kept) if number % 8 == 0]
if sys.argv[1] == "settled":
    assert trim()
print(before - rss_mb())
"""


def told(script: str, word: str) -> float:
    command = [sys.executable, "-c", RSS_MB + script, word]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_pages_of_a_list_leave_nothing_behind_between_what_stays():
    assert told(PAGES_BETWEEN_WHAT_STAYS, "settled") < 2
    assert told(PAGES_BETWEEN_WHAT_STAYS, "as it is") > 5


def test_what_is_free_between_others_goes_back_when_it_is_asked_for():
    assert told(SMALL_ONES_BETWEEN_WHAT_STAYS, "settled") > 15
    assert told(SMALL_ONES_BETWEEN_WHAT_STAYS, "as it is") < 5


def test_another_c_library_has_nothing_to_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(c_memory.ctypes, "CDLL", lambda name: object())
    assert (return_large_blocks(), trim()) == (False, False)
