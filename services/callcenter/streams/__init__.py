"""Live windows over the call center's own events, and bursts of cases: a process of its own (Faust), and how what it
says comes into the database."""
