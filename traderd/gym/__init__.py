"""The paper exchange as a Gymnasium environment: `gymnasium.make("traderd/Market-v0")` after `import traderd.gym`.

Reading order: `session` (one market without a network), `market_env` (the environment), `features` and `policy` (what is
trained), `train`, `evaluate`, `export`. It needs the extra `rl`; nothing of the daemon imports it.
"""

from __future__ import annotations

from typing import Final

try:
    import gymnasium
except ImportError as exc:
    raise ImportError(
        "traderd.gym needs the optional extra: pip install 'traderd[rl]' (in a checkout: pip install -e '.[rl]')"
    ) from exc

ENVIRONMENT_ID: Final = "traderd/Market-v0"

if ENVIRONMENT_ID not in gymnasium.registry:
    gymnasium.register(id=ENVIRONMENT_ID, entry_point="traderd.gym.market_env:MarketEnv")
