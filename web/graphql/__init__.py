"""GraphQL over HTTP, server-sent events, multipart and WebSocket."""

HEARTBEAT_SECONDS = 12.0
"""Between two pings of a socket, and two heartbeats of a stream over HTTP: below the idle timeouts of proxies."""

CLOSE_SECONDS = 2.0
"""Time to send the last message to a client whose socket or stream the server ends."""
