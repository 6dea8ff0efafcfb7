"""The values that rooms hand to one another; all frozen, none knows a library or a door."""
