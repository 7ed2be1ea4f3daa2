"""A pretend Lytics and a pretend Mapp, with faults on request."""
