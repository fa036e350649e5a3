"""What the actions on buckets share."""
