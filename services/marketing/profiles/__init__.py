"""What everybody has told of each customer: contacts, satisfaction, cases, orders."""
