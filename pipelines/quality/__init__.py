"""What was published, judged once a day by the weeks before it."""
