"""The tree of territories, the reps that look after them, and the customers in them."""
