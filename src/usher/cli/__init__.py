"""The usher command."""
