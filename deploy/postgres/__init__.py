"""Who may do what in PostgreSQL."""
