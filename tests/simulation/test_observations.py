"""The observations of a live session and of its recorded events replayed are the same, bit for bit.

The session runs in fresh processes with different hash seeds, so that no order of a set can hide in it.
"""

from tests.simulation.fresh_process import finish, start

DEADLINE_S = 120.0


def begin(directory, hash_seed, *, seed=1):
    directory.mkdir()
    program = "tests.simulation.observation_program"
    return start(program, seed, 300, directory, hash_seed=hash_seed)


def test_a_session_and_its_replay_show_the_same_in_every_process(tmp_path):
    processes = [begin(tmp_path / seed, seed) for seed in ("0", "12345")]
    first, second = [finish(process, within_s=DEADLINE_S) for process in processes]
    assert first["live"] == first["replayed"]
    assert first == second
    # It was a session with everything in it, not an idle one.
    assert first["observations"] > 3_000
    assert first["last_known"] > 100, "the feed was lost for a while"
    assert first["with_orders"] > 100
    assert first["with_trades"] > 1_000
    assert first["fills"] > 5


def test_another_seed_shows_something_else(tmp_path):
    processes = [begin(tmp_path / str(seed), "0", seed=seed) for seed in (1, 2)]
    first, second = [finish(process, within_s=DEADLINE_S) for process in processes]
    assert first["live"] != second["live"]
