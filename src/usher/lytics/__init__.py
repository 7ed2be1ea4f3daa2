"""What Lytics says and is asked: wire shapes in, observations out."""
