import re
from pathlib import Path

from traderd.services import health_parts
from traderd.services.health_cures import CURES, OTHERWISE, cure_of

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text(encoding="utf-8")
JUDGES = Path(health_parts.__file__).read_text(encoding="utf-8")


def test_every_part_that_is_judged_has_a_cure_and_a_line_in_the_docs():
    judged = set(re.findall(r'_part\(\s*"([a-z]+)"', JUDGES))
    assert judged == set(CURES)
    assert [name for name in CURES if f"| `{name}` |" not in PAGE] == []


def test_a_part_that_nobody_knows_points_at_the_docs():
    assert cure_of("moon phase") == OTHERWISE
