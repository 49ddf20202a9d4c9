"""What is true: the rules of the domain as pure functions. No I/O, no clock, no other room."""
