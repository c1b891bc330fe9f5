"""Mathematics about whole classes of models, on exact numbers."""
