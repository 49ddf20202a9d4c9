"""The interactive path: evaluations, profiles, students and configuration, over HTTP.

`python -m api` serves it. The tenant of a request is its token's `school_id` and nothing else; what
a request may reach is decided by that school's credentials (`adapters.tenancy`).
"""
