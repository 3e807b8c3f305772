"""The toy world: scenes made from a seed, drawn frame by frame, and what is true of them."""
