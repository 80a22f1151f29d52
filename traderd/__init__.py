"""A Kalshi trading daemon that one person can leave running.

Reading order: `model` (the nouns), `core` (the decisions), `runtime` (how tasks live), `kalshi` (the
wire), `paper` (the embedded exchange), `store` (the journal), `services` (what reacts to what), `app`
(how it is all put together).
"""

__version__ = "0.1.0"
