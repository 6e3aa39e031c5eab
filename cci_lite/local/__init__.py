"""Adapters of the laptop: one module per service or engine."""
