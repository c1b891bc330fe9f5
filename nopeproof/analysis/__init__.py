"""Mathematics of what a model attends to and what its stream holds: plain arrays in, numbers with units out."""
