"""Tests, by what they need: unit, contract, integration, faults, e2e, bench."""
