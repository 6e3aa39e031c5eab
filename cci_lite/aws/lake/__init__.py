"""Adapters of the lake: S3, and DynamoDB and Glue, which say what is published."""
