"""How an operation is answered: read, limited, validated once, run under a time limit, errors coded and masked.

Nothing here knows HTTP or WebSocket; `web` brings requests in and carries answers out. From the rest of the house
this package uses only `settings` and `telemetry`. `execution.errors` imports nothing of the house at all, so that
resolvers may raise its errors.
"""
