"""One event loop per test, and none beside it."""

import asyncio

# Without this, the first look at "the current loop" makes one that nobody closes (Python 3.11 to 3.13).
asyncio.set_event_loop(None)
