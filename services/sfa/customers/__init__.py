"""Customers as sales knows them: found, registered, edited, seen with territory and orders, forgotten."""
