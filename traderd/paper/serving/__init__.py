"""Bytes: HTTP/1.1 and WebSocket over any Trio stream."""
