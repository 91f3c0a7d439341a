"""What a load would take, worked out from what was measured: ``python -m deploy.scale --customers N --events N``."""
