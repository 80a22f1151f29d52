"""Kalshi's language and the sockets that speak it.

Reading order: `wire` (pure, both directions), `hosts`, `auth`, `errors`; over HTTP `clock`, `transport`, `request`,
`paging`, `rest`; over WebSockets `tap`, `line`, `calls`, `feed`, `keeper`.
Must not import `core`: nothing here decides anything.
"""
