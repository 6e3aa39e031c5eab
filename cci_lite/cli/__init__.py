"""The command line: verbs on nouns. A command parses, calls one use case, prints."""

from cci_lite.cli.app import main

__all__ = ["main"]
