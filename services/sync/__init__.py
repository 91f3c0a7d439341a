"""The central CRM server: the whole timeline and the whole record of every customer, from all services."""
