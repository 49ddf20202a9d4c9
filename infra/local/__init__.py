"""The local cloud: it reads the templates of `infra/` and runs what they declare.

`cloud.LocalCloud` is the way in. Nothing here knows any other room of the house: handlers are
started by the names in the templates.
"""
