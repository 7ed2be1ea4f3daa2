"""Runs the whole of Usher's work in virtual time, against vendors, machines and a network that fail as a seed says."""
