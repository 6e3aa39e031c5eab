"""Use cases of the lake: plan, flatten, publish, verify."""
