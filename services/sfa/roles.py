"""Who may do what here."""

MANAGERS = ("sales_manager", "importer")
"""Who shape the market: territories, reps, products."""
SALES = ("sales_manager", "rep")
"""Who see customers and orders, and take orders."""
WRITERS = (*SALES, "importer")
"""Who write about customers."""
