"""Prometheus: what it reads, and the rules by which people are told."""
