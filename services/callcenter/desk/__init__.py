"""The agent's page: what waits, who calls, what to do."""
