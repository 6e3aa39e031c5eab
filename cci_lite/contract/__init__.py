"""The contract: documents, forms, stored settings and tables, and how a call is scored."""
