"""The same trivial work, one job an item, on other engines: what each app below needs to be run by its own worker."""
