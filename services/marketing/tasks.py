"""The names of what is worked out anew when it is due, for those who mark it."""

STANDING = "standing"
"""What the customer of a member is worth, and whether it is in the segment."""
