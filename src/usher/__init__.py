"""Usher keeps Mapp in step with Lytics audiences."""

__version__ = "0.1.0"
