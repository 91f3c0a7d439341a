"""What the roles of a department allow, and roles of its own."""
