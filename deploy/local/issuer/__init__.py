"""A small OpenID Connect issuer for one machine: the accounts of the sample sign in here, once for all services.

It knows nothing of the services but where they are; they would take any other issuer's tokens alike.
"""
