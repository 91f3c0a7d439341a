"""Who is worth much: the segment's rule, who entered and left it, when and why."""
