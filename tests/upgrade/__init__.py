"""The former release beside this one: its processes, its tables, and what each says to the other."""
