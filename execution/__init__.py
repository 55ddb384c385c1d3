"""Execution of operations: parsing, limits, one validation, a time limit, and errors with codes and masks.

The package does not depend on HTTP or WebSocket: `web` reads requests and sends answers. Of the rest of the program it
imports only `settings` and `telemetry`. `execution.errors` imports nothing of the program, so that resolvers may raise
its errors.
"""
