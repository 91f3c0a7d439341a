"""What was published stays readable, and what is written about it is true."""
