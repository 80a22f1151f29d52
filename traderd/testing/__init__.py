"""Tools for those who write plugins: `check_plugin` tries one in a simulated market.

Owns: the names that a plugin's own tests may import.
Must not: be used by the running daemon.
"""

from __future__ import annotations

from traderd.testing.kit import check_plugin
from traderd.testing.report import Check, Report

__all__ = ["Check", "Report", "check_plugin"]
