"""What the Lambda functions run: adapters chosen, events read, one use case called."""
