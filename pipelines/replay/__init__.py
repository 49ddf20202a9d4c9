"""Replay: partitions of the lake held against what their rows were made of, and made anew where they differ.

    retained → shelf (rows by school and month) → compared, one school's month after the other → rewritten

The landing keeps what Firehose delivered for 30 days, and the ledger says which load took which file and
whose rows it held back. So what the lake must hold of those loads can be made a second time, by the
load's own code.
"""
