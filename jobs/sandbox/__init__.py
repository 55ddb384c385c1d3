"""The processes of analyzers. `slot` is the worker's side; `fork_server` and `runner` are the processes' side."""
