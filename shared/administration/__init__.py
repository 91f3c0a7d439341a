"""What every service has for those who answer for it: audit log, roles, sessions, exports, erasures."""
