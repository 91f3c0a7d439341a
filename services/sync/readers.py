"""Who may read, in every slice."""

READERS = ("agent", "supervisor", "operator")
"""Any authorised employee sees customers; machines don't."""
