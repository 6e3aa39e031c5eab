"""Use cases that make unified documents."""
