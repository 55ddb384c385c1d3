"""Alembic's entry: runs the migrations on the connection that `store.sql.migrate` hands in, in its transaction."""

from alembic import context
from sqlmodel import SQLModel

import store.tables  # noqa: F401 — fills SQLModel's metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
context.run_migrations()
