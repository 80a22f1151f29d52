"""How often the loop turned: exact, where counting the steps of a second task is a matter of Trio's random order."""

import trio


class LoopPasses(trio.abc.Instrument):
    """Counts while it is entered; a task that gives way once and can go on at once is back in the next pass."""

    def __init__(self):
        self.count = 0

    def before_io_wait(self, timeout):
        self.count += 1

    def __enter__(self):
        trio.lowlevel.add_instrument(self)
        return self

    def __exit__(self, *_):
        trio.lowlevel.remove_instrument(self)
