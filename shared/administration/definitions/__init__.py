"""A department defines its fields, reasons, outcomes, queues and states as data."""
