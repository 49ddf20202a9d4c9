"""From the landing to the lake: claim files, judge their rows, publish what is good.

Every step can be killed and run again: it gives the same objects under the same names.
"""
