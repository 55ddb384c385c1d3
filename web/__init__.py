"""Entry points: GraphQL over HTTP and WebSocket, health, downloads, and the built pages."""
