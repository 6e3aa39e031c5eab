"""Doubles of the outside, for tests here and elsewhere: in memory, and of AWS services."""
