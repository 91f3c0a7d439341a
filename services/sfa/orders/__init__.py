"""Orders, from their placing to their delivery."""
