"""All of the platform on one machine with Docker."""
