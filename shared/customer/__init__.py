"""The shared kernel: what a customer's record is. Pure: no I/O, no clock, no framework.

A record is a fold over the set of claims: `fields` says what can be claimed, `claims` what one claim is,
`policies` which of two claims stands, `fold` makes the record and the claims of a new edit.
"""
