"""What a document, a form and a table are: the definitions that everything else is rendered from."""
