"""The load as others would write it, each a script that prints what it took."""
