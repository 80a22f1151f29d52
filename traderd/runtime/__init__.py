"""How tasks live: the outside world as one object, supervision, services, the bus and its inboxes.

Reading order: `env`, `retry`, `inbox`, `bus`, `service`, `supervisor`, `signals`, `log`.
Must not know a trading word: events, stages and metadata come in from `app`.
"""
