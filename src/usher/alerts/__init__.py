"""How alerts leave: by e-mail, to Slack, and as signed webhooks."""
