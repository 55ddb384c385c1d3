"""Who calls: passwords, tokens, keys, and limits of use. The rows of users and credentials are in `store`."""
