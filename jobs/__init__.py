"""Execution of the queue. `worker` claims rows in chunks for its slots, which run them in a `sandbox`; `recorder` writes
outcomes in group commits; `presence` writes the worker's heartbeat; `keeper` has the timers; `retry` decides on failed
attempts. The store holds all state: a lost process loses no work.
"""
