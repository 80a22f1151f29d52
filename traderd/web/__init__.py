"""The console and the HTTP face of the daemon.

Reading order: `source` (what the rest of the daemon must be able to tell), `mailbox` and `live` (the WebSocket
hub), `assets` (the page), `api` (the verbs and the stream), `reads` (everything that only looks), `plugin_routes`,
`schema_*` and `openapi` (what all of it is described as), `access`, `wrong_tokens` and `gate` (who may do what),
`http_app` (the application), `server` (sockets).
Must not: touch `kalshi`, `store` or `core.engine`, hold state of its own about trading, or be imported before the
console is wanted: quart and hypercorn cost start-up time and live only here.
"""
