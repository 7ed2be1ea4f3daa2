"""What writes parts of this repository; none of it is installed."""
