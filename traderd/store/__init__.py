"""What outlives the process: the journal of private facts.

Reading order: `codec` (event <-> row), `lock` (one daemon per state directory), `database` (the SQLite
file and its checks), `journal` (append, wait until durable, replay).
Must not: decide anything; folding what was read is the core's work.
"""
