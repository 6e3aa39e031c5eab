"""Use cases of the people who operate an installation: tenants and their forms."""
