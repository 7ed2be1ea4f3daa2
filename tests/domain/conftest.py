"""Rules are pure, so a slow example says something of the machine only."""

from hypothesis import settings

settings.register_profile("rules", deadline=None)
settings.load_profile("rules")
