"""What the actions on users, roles and their keys share."""
