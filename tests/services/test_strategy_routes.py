from traderd.services.context import Context
from traderd.services.strategy_routes import JSON, strategy_routes


def test_two_reads_are_offered_as_json():
    routes = strategy_routes(Context(name="web", shared=_Shared(), log=None))
    assert [route.path for route in routes] == ["/v3/strategies", "/v3/why"]
    assert {route.content_type for route in routes} == {JSON}


class _Shared:
    view = None
