"""Where people are asked: each channel draws what the presentation says, and reads their words."""
