"""What the documents promise (promises.yaml), and which scenarios show it."""
