"""Doors: GraphQL over HTTP and WebSockets, health, and the built pages."""
