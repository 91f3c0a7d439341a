"""One box to search everything by: people, what happened to them, devices, territories."""
