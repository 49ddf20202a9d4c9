"""What people read: self-contained pages that open without a server."""
