"""What do repositories hold? The only door to Git, through pygit2."""
