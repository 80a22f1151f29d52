"""Kalshi's wire as values, pure and in both directions: the trader and the paper exchange share it.

Reading order: `numbers`, `errors`, `rest` and `portfolio` (shapes of REST bodies), `translate` (bodies to the model, for
the trader), `serve` (the model to bodies, for the exchange), `order_request` (the create body, both ways),
`commands` (what a WebSocket client may ask), `feed` (shapes of WebSocket messages), `frames` (the server's
encoders), `decoder` (the client's decoder).
Must not: do IO, read a clock, or keep state beyond one connection's decoding.
"""
