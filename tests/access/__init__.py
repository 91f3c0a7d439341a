"""All ways into all services, tried by roles that are made up: docs/security.md says what is promised."""
