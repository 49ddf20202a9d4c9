"""What loads held back: looked at, corrected, released to the lake, or given up against a receipt.

Every step can be killed and run again; no row is lost and none comes twice.
"""
