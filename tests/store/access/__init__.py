"""Tests of users, workspaces, credentials, changes of access and the audit log."""
