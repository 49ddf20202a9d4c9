"""The completeness audit: what was taken is stored or rejected, what is stored is in the lake or on its way.

`books` looks and accounts, `report` tells, `history` keeps, `repair` sends again what never landed.
"""
