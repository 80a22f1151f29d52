"""Scenarios: what a venue starts with, from a TOML file or made up, checked as a whole.

Reading order: `file` (the form), `checks`, `reading`, `generator`, `build`, `recorded`.
"""

from traderd.paper.scenario.build import build_venue, street_plans, weekly_pauses
from traderd.paper.scenario.file import Scenario, parse_levels
from traderd.paper.scenario.generator import generated_scenario
from traderd.paper.scenario.reading import (
    default_scenario,
    packaged_names,
    packaged_scenario,
    parse_scenario,
    scenario_from,
)
from traderd.paper.scenario.recorded import opening_books

__all__ = [
    "Scenario",
    "build_venue",
    "default_scenario",
    "generated_scenario",
    "opening_books",
    "packaged_names",
    "packaged_scenario",
    "parse_levels",
    "parse_scenario",
    "scenario_from",
    "street_plans",
    "weekly_pauses",
]
