"""The dashboard: server-rendered pages over the same services that the REST API uses."""
