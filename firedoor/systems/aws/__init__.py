"""AWS: its calls, credentials, errors and permissions."""
