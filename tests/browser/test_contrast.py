"""What the bar says can be read in every environment and in the dark and the light, above all when something is wrong."""

from __future__ import annotations

import pytest

from tests.browser.pages import NEEDS_BROWSER, open_console, open_page, stopped, unexpected
from tests.process_tools import DaemonProcess

READABLE = 4.5
"""The ratio that WCAG 2.2 asks of small text."""
PALE = """([environment, link, answer, least]) => {
  document.body.dataset.environment = environment;
  document.body.dataset.connection = "live"; // while it is lost, what is only remembered is pale on purpose
  document.getElementById("link").dataset.link = link;
  const outcome = document.getElementById("command-outcome");
  outcome.textContent = "refused";
  outcome.dataset.answer = answer;
  document.getElementById("link-count").textContent = "again in 3 s";
  for (const id of ["halted", "paused"]) document.getElementById(id).hidden = false;
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return numbers(color)[3] === 0 ? behind(element.parentElement) : color;
  };
  const ratio = (element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  const said = [...document.querySelectorAll(".bar *")].filter((one) => !one.disabled && one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  if (said.length < 12) return ["not all is shown"];
  return said.filter((one) => ratio(one) < least).map((one) => `${one.id || one.className}: ${ratio(one).toFixed(1)}`);
}"""

pytestmark = NEEDS_BROWSER


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_bar_is_read_in_every_environment_also_when_something_is_wrong(
    daemon: DaemonProcess, scheme: str
) -> None:
    with open_page(scheme=scheme) as (page, complaints):
        open_console(page, daemon)
        with stopped(daemon):
            pale = {
                (environment, link, answer): found
                for environment in ("sim", "paper", "local", "production")
                for link, answer in (("live", "done"), ("stale", "unknown"), ("lost", "denied"))
                if (found := page.evaluate(PALE, [environment, link, answer, READABLE]))
            }
        assert pale == {}
        assert unexpected(complaints) == []
