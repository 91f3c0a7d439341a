"""Faults on real processes and servers, with every acknowledged command written down and compared afterwards.

``harness`` runs the platform, ``ledger`` is the client that writes down, ``verify`` compares. CRM_FAULT_SEED
replays a run, CRM_FAULT_SECONDS makes ``test_random`` go on for so long. ``planted_bugs`` tests the tests.
"""
