"""Everything that happened between a customer and the company, in one list."""
