"""What the actions on security groups share."""
