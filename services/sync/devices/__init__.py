"""Field reps' devices: what they are to know, and what they write while they are away."""
