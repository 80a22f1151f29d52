from tests.services.still_daemon import still_daemon
from tests.web.schema_tools import misfits
from tests.web.test_schema_status import busy, first_page
from traderd.model import commands as cm
from traderd.services.console_source import STATUS_OF
from traderd.services.notice_board import notices_document
from traderd.services.plugin_routes import PluginRoutes
from traderd.services.strategy_documents import tenants_document, why_document
from traderd.web.schema_parts import (
    LOG_LINE,
    NOTICES,
    OUTCOME,
    OUTCOME_STATUSES,
    PLUGIN_LISTING,
    PLUGINS,
    STRATEGIES,
    WHY,
)


async def test_plugins_strategies_notices_and_log_lines_tell_what_is_described(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        source, context = busy(daemon), daemon.context("web")
        context.log.warning("careful", count=1)
        told = [
            (PLUGINS, source.plugins()),
            (STRATEGIES, {"strategies": tenants_document(daemon.view)}),
            (WHY, why_document(daemon.view)),
            (NOTICES, notices_document(daemon.shared.notices, daemon.now())),
            (PLUGIN_LISTING, PluginRoutes(context).listing()),
            (LOG_LINE, first_page(source, "log")[-1]),
        ]
    assert [misfits(schema, document) for schema, document in told] == [[]] * len(told)


def test_an_outcome_has_the_answers_and_the_statuses_that_there_are():
    assert OUTCOME["properties"]["answer"]["enum"] == [one.value for one in cm.Answer]
    assert sorted(OUTCOME_STATUSES) == sorted(STATUS_OF.values())
