"""Shows on the running sample that a block which joins late comes to the state that it would have had."""
