"""What was published, judged once a day: by the weeks before it, and rule by rule once more."""
