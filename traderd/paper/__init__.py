"""The embedded exchange: Kalshi's V2 REST and WebSocket on any byte stream, with a real matching engine.

Owns: a pure venue (`matching accounts fees venue`), its scenarios and its seeded street (`scenario
order_flow`), and the thin servers around it.
Must not: import `core`, because the exchange must not share a mistake with the trader.
"""
