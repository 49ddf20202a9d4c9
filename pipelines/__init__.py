"""Jobs over the lake and the store: what an engineer or a schedule starts."""
