"""Compilation of operations: one Python function for each object of an answer, in place of an interpreter.

`plan` merges the selected fields, `code` writes the functions, `run` calls them, and `cache` keeps them.
docs/execution.md explains the steps. The package depends on graphql-core, Strawberry and the schema that it is given.
"""
