"""Copies of all that a local run keeps, and the way back from one of them."""
