"""Back to the profile: the weekly analysis of each student, from the marts to the operational store."""
