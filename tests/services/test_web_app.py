import trio

from tests.services.still_daemon import still_daemon
from traderd.services.console_source import DaemonSource
from traderd.services.web_app import make_app
from traderd.web.access import AccessRules
from traderd.web.live import LiveHub


async def test_what_every_contributor_serves_is_there(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        source = DaemonSource(context)
        rules = AccessRules(control_token="correct-horse-battery-staple")
        app = make_app(context, source, LiveHub(source), rules, trio.Event())
        client = app.test_client()
        for path in (
            "/",
            "/metrics",
            "/v3/status",
            "/v3/notices",
            "/v3/strategies",
            "/v3/why",
            "/x/",
        ):
            answer = await client.get(path, headers={"Host": "localhost"})
            assert answer.status_code == 200, path
