"""Documents to rows, and what a night has to do. Pure."""
