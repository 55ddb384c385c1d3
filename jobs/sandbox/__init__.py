"""The processes of analyzers, which can be killed. `slot` runs a chunk in a `sandbox`; `template` and `process` are the
worker's side, `fork_server` and `runner` the side of the processes.
"""
