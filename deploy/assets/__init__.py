"""Builds what pages need in the browser, at set-up."""
