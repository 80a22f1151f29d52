from traderd.plugin_manager import load_plugins
from traderd.testing.world import STEPS, run_world


def test_a_run_goes_through_its_whole_programme_and_repeats_itself():
    traces = [run_world(load_plugins([]), settings={}, minutes=2, seed=seed) for seed in (1, 1, 2)]
    first, again, other = traces
    assert first.faults == []
    assert first.steps == list(STEPS)
    assert first.orders > 0
    assert first.fills > 0
    assert first.fingerprint == again.fingerprint != other.fingerprint
    words = " ".join(str(line["event"]) for line in first.lines)
    assert "stopped" in words
    for sign in ("paused", "503"):
        assert sign in words.lower(), sign
