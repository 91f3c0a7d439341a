"""Files of customers that leave a service."""
