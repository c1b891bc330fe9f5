"""Tables, figures and pages. Reads ledger rows only."""
