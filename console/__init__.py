"""The web page of the platform: ask a question, watch the proof run."""
