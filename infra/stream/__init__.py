"""The stream as a service."""
