"""What the call center knows of a customer: the claims, the folded record, and how a customer is found."""
