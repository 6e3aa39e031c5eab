"""How fast the nightly flattening is, what it costs, what other tools would do (README.md)."""
