"""Kalshi's language and the sockets that speak it.

Reading order: `wire` (pure, both directions), `hosts`, `auth`, `errors`, `transport`, `rest`, `feed`.
Must not import `core`: nothing here decides anything.
"""
