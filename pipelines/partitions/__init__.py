"""Partitions of the lake, written anew: compaction, and what erases or moves rows.

A partition is never changed where it lies. Its rows are written to a new generation, and Glue is told of
it with one call: readers see what was there or what is there now, never both and never half.
"""
