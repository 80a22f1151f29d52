"""The nouns of trading: values with checks and arithmetic, and nothing that moves.

Reading order: `units`, `ids`, `market`, `orders`, `events`, `commands`, `states`.
Must not import anything else of traderd but `errors`.
"""
