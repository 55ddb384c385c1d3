"""How work runs. `worker` claims rows of the queue in chunks and deals them to its slots; `slot` has a chunk run in a
`sandbox`, a process that can be killed; `recorder` writes the ends in group commits; `presence` says that the worker
lives; `keeper` has the timers; `retry` says what becomes of a failed attempt. The record is the store's alone: whatever
is lost here is found there.
"""
