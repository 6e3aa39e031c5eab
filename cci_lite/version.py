"""The version of the package and of the pipeline: one for both."""

__version__ = "0.1.0"
