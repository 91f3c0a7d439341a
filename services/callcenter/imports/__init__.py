"""Customers from files of another system."""
