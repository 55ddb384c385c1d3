"""Persistence: tables, database access, and statements by subject. All SQL of the program is in this package."""
