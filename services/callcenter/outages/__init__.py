"""Outages: seen as bursts of cases, decided by supervisors."""
