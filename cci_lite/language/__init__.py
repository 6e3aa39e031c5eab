"""Comparing spoken text, whatever its language: spelling, punctuation and word borders."""
