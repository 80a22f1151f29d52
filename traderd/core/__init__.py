"""The decisions, without any input or output.

Facts go into `engine.Engine.apply`, what follows from them comes out. Reading order: `book`, `sequence`,
`order_life`, `orders`, `ledger`, `exposure`, `risk`, `conditions`, `reconcile`, `engine`, `view`.
Must not: import trio, httpx, structlog, time or random; use `async`; read a clock; log.
"""
