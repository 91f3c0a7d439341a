"""How the platform runs: on one machine, in images, and what watches it."""
