"""What the platform is made of, and whether it is what was asked for: `make audit`."""
