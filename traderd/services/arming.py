"""Whether a start may risk real money: the setting, the flag, and the word that a person gave within the last day.

Owns: what all three must say together, and the sentence for the one that is missing.
Must not: arm anything; `traderd arm` does.
"""

from __future__ import annotations

from traderd.config import Config
from traderd.errors import ConfigError
from traderd.store.armed import read_armed, why_not_armed


def check_live(config: Config, live: bool, now_ns: int) -> None:
    """Let a start of `production` with trading pass only when everything is there; it blocks on the disk.

    Args:
        config: the settings; one with trading on has passed their own check of `trading.live`.
        live: whoever starts it gave --live.
        now_ns: the wall clock.

    Raises:
        ConfigError: something is missing; names it and the cure.
    """
    # Three mistakes have to meet before real money moves by accident: in the file, in the command and in the day's word.
    if config.environment != "production" or not config.trading_enabled:
        return
    if not live:
        raise ConfigError(
            "production trades real money, so `traderd run` needs --live besides trading.live = true; set "
            "trading.enabled = false to follow order books only"
        )
    armed = read_armed(config.state_path())
    if why := why_not_armed(armed, now_ns=now_ns, key_id=config.exchange.key_id):
        raise ConfigError(why)
