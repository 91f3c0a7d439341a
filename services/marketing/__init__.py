"""Marketing: what customers are worth, and which segments they are in."""
