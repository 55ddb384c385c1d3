"""What the command line does beyond serving: each command's work, which `server.py` calls by its name."""
