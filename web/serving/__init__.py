"""uvicorn as Assay uses it: sockets, protocols, the run of a server."""
