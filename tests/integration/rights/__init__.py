"""Who may do what in Kafka and PostgreSQL, tried on embedded servers."""
