"""Measurements, each as a ratio to a yardstick of the same run: wall clocks here and elsewhere move too much."""
