"""Apps that run the same trivial work on several job engines, one job for each item, with each engine's own worker."""
