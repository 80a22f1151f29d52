"""Synthetic traders: what the street thinks and does."""
