"""Interview answers, each with the proof that runs beside it."""
