"""What several proofs need to show their point."""
