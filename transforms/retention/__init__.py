"""Retention: what is kept where, for how long, what removes it, and how one student's part is found.

`registry` names every place; `cohorts` knows the dates; `lifecycle` derives the rules of the buckets;
`page` writes `docs/retention.md`.
"""
