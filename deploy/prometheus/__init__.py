"""What Prometheus is told: where processes are, and when somebody has to act."""
