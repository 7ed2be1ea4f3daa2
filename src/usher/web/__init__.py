"""The REST API and the trigger receiver."""
