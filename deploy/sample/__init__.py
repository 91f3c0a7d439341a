"""A sample company: 7,043 telecom customers and a day of their calls, sent through the public APIs."""
