"""Documents to rows, and what a nightly run has to do. Pure."""
