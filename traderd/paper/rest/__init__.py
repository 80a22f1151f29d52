"""Kalshi's REST interface over the venue."""
