"""Sales force automation: territories and their reps, products, and orders until they are delivered."""
