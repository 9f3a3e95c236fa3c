"""Alertmanager: who is told of which alert, and how often."""
