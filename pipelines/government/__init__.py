"""What people do about the government's record: retry what failed, repair what the books differ in."""
