"""What must hold of each lake table, and the verdict on a load."""
