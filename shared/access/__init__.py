"""Who may do what: actions, reach and fields, and the one table of roles. Pure."""
