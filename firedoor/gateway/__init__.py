"""HTTP in; workflow starts and updates out."""
