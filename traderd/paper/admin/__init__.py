"""The operator's address of a served exchange."""
