"""The supervisor over what plugins offer, and the incidents that stop new risk."""

import pytest

from tests.services.still_daemon import still_daemon
from traderd.app_supervision import make_supervisor
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.runtime.inbox import Policy
from traderd.runtime.service import Service


async def nothing(context, *, task_status):
    task_status.started()


async def test_stages_that_do_not_fit_are_refused_by_name(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        lunch = Service(name="mine", run=nothing, stage="lunch")
        with pytest.raises(
            ConfigError, match="names the stage 'lunch'; there are only market_data"
        ):
            make_supervisor(daemon.shared, [lunch])
        twice = [Service(name=name, run=nothing, stage="sync") for name in ("sync", "mine")]
        with pytest.raises(ConfigError, match="'sync' and 'mine' are both the stage sync"):
            make_supervisor(daemon.shared, twice)


async def test_a_lossless_inbox_that_overflows_halts_new_risk(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("slow").subscribe(ev.ServiceChanged, policy=Policy.LOSSLESS, depth=1):
            for _ in range(2):
                daemon.shared.lifecycle.service_changed("news", "running", "")
        assert list(daemon.view.conditions.halts) == ["inbox:slow"]
