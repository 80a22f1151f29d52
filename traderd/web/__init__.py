"""The console and the HTTP face of the daemon.

Reading order: `source` (what the rest of the daemon must be able to tell), `mailbox` and `live` (the WebSocket
hub), `assets` (the page), `api` (the routes), `http_app` (the application and who may use it), `server` (sockets).
Must not: touch `kalshi`, `store` or `core.engine`, hold state of its own about trading, or be imported before the
console is wanted: quart and hypercorn cost start-up time and live only here.
"""
