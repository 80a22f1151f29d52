"""Kalshi's WebSocket over the venue."""
