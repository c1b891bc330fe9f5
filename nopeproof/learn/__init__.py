"""What SGD finds: the comparison Transformer, its training, sweeps, and runs held beside a construction."""
