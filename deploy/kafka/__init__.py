"""Who may do what in Kafka."""
