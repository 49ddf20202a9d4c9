"""Firehose: buffers records on disk and delivers them as Parquet, like the delivery streams declared."""
