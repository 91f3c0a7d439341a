"""Migrations of sync; run by `python -m services.sync migrate`."""
