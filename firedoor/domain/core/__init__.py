"""What everything is built of: values, canonical JSON, errors, durations."""
