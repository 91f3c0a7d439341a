"""Sessions of people, ended by others."""
