"""Use cases of people: tenants, forms."""
