"""What the Lambda functions run: they choose adapters, read events and call one use case."""
