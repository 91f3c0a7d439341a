"""Cases: what a customer asked for, and the time until the solution."""
