"""The right to be forgotten: one student, or a whole school, out of every place of the registry.

`subject` says whom, `holders` know the places, `run` finds, removes, counts again and leaves a receipt.
"""
