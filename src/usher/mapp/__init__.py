"""What Mapp is told and what its answers mean."""
