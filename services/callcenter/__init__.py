"""The call center: contacts, their review, cases, and what it knows of its customers."""
