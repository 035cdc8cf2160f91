"""What each route does: a few lines between a validated call and the facade, no decisions of their own."""
