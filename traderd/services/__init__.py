"""The built-in services, one file each, each a plugin like anybody's.

They do not import each other: they meet on the bus, through commands, and in the context that they are given.
"""
