"""The life of a school's pseudonym key: rotated, linked in memory to its earlier versions, destroyed."""
