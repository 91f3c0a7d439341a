"""The migrations of sales force automation; run by `python -m services.sfa migrate`."""
