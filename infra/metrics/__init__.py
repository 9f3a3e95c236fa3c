"""The platform's own figures for Prometheus."""
