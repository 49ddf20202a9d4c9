"""Speed and memory, each beside its floor and its peer in one run: `make bench`."""
