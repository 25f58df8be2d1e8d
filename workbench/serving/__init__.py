"""The page on which people rate who have no notebook, and the one for whoever looks after them."""
