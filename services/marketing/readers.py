"""Who may read, in every slice, and who may change segments."""

READERS = ("marketer", "supervisor", "operator")
WRITERS = ("marketer",)
