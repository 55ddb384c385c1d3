"""Execution of the queue. `worker` claims rows in chunks for its slots, which run them in a `sandbox`; `recorder` has
the group commits of outcomes; `presence` writes the heartbeat; `keeper` has the timers; `retry` decides on failed
attempts. The store holds all state: a lost process loses no work.
"""
