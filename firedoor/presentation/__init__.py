"""What a response means to a person, whatever draws it: Slack, page, terminal, report."""
