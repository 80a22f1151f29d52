"""The command line: `main` has the commands, `client` talks to a running daemon, `tables` shows answers.

Must not: hold logic of its own; what a command does is decided by the daemon.
"""
