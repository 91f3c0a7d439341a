"""Marketing's migrations; run by `python -m services.marketing migrate`."""
