"""The database: connections, statements, column types, ids, paging and migrations; no subject."""
