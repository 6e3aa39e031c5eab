"""Reads what a language model answered, however it is wrapped: all of it or nothing."""
