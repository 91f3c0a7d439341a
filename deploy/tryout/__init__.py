"""Tries a block on the company's own past: sealed, in a scratch database, on the log as it is."""
