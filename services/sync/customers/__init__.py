"""The customer's record, folded from the claims of all services."""
