"""Real models: which of their layers carry no position, and what those layers do. Needs the extra `nopeproof[hf]`."""
