"""The audit of retention: what AWS holds, against what the registry says may be there."""
