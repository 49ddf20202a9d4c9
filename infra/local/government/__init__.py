"""A stand-in for the government's register of official grades: an HTTP server with a memory.

It is what tests and the demo talk to. It believes nothing that it could check, takes each batch
id once, overwrites what it is told to overwrite, and misbehaves on request (`faults`).
`python -m infra.local.government` runs it.
"""
