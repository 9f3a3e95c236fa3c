"""The console as a service of the platform."""
