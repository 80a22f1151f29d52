"""The command line: `main` has the commands, `client` talks to a running daemon, `tables` shows answers.

Must not: hold logic of its own; what a command does is decided by the daemon.
"""

from traderd.runtime.lean_imports import lean_imports

# Before anything else is imported: a daemon is a command, too, and has what its command has loaded for as long as it runs.
with lean_imports():
    import msgspec  # noqa: F401
