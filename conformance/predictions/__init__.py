"""What the reference router predicts: of the cases of a scenario, and of a question that a person asks."""
