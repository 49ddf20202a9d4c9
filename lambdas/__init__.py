"""One file per deployed function: unpack, call transforms, write."""
