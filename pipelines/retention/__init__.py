"""What retention moves: rows whose student graduates in another year than when they were written."""
