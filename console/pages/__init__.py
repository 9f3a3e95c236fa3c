"""What the console answers, by page."""
