"""Orders that reps take on their devices: sales force automation places or refuses them."""
