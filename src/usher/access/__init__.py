"""Who may do what: roles, tokens, audit."""
