"""The state file: what an exchange keeps over its own death."""
