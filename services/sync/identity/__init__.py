"""Which members are the same customer: worked out from what everybody claims and what people decide."""
