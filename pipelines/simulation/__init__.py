"""Schools to try the platform on: invented ones, and the real records of OULAD."""
