"""What a document, a form and a table are: what everything else is rendered from."""
