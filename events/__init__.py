"""How news travels: the bus wakes, the feed reads the log, once for everyone on this instance."""
