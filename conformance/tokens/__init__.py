"""The keys of a scenario, and the tokens that are signed with them."""
