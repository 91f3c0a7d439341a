"""The call center: contacts, their review, cases, and what it knows of its customers."""

PROCESSES = ("api", "worker", "streams")
"""Its commands that run as long as it does."""
