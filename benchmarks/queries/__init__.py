"""Queries and mutations of Assay and its peers on one database."""
