"""Sales force automation as a whole, on a real database."""
