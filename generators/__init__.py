"""A seeded web shop that knows the truth about what it produced."""
