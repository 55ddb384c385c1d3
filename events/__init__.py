"""Delivery of events: the bus wakes, the feed reads the log once per instance, the hub delivers."""
