"""The commands of `server.py` other than `serve`."""
