"""Users, workspaces, credentials, changes of access and the audit log.

The functions store passwords and credentials only as the encoded texts and hashes that they are given.
"""
