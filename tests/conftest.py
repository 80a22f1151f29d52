"""What holds for all tests."""

import signal

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: on a busy one a single pause is longer than any deadline that tells something.
settings.register_profile("traderd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("traderd")

# Started in the background of a shell a test run ignores SIGINT, and so would each process that it starts to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
