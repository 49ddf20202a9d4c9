"""The only rooms that speak to the outside: table, queues, lake, Athena, keys."""
