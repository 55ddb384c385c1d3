"""The queue of analyses: claims, leases, fair order, transitions, retries, workers."""
