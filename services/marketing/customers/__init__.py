"""Who the customers are: their records, and which members are the same."""
