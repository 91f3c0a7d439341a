"""One place to look at the whole platform: what runs, what each block gains, and what waits for a person.

A process of its own that keeps nothing: figures come from Prometheus or from the processes' own metrics, and what
people may see and do is decided by the services, which it asks with each person's own token.
"""
