"""Plans: what would be done, step by step, and who has to be asked for it."""
