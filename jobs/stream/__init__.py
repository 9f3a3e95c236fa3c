"""Kafka into bronze without end, and the near-real-time marts behind it."""
