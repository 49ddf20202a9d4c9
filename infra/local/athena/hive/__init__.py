"""The statements that Athena hands to Hive's engine: DDL, SHOW and DESCRIBE."""
