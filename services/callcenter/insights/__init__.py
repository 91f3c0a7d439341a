"""What other services say of a customer: value, segments, orders, notes; and the customer's newest history."""
