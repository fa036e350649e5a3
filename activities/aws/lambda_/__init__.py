"""What the actions on Lambda functions share."""
