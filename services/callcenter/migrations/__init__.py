"""The call center's migrations; run by `python -m services.callcenter migrate`."""
