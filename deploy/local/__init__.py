"""The whole platform on one machine with nothing but Python: servers, a supervisor, sample actors."""
