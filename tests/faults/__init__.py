"""Faults on real processes and servers, with every acknowledged command written down and compared afterwards.

``harness`` runs the platform, ``ledger`` is the client that writes down, ``verify`` compares. ``circle`` is the
platform of all four services, ``goer`` the customers who go round it, ``rounds`` what was promised to them, and
``verify_circle`` compares. CRM_FAULT_SEED replays a run, CRM_FAULT_SECONDS makes ``test_random`` and ``test_circle``
go on for so long. ``planted_bugs`` tests the tests.
"""
