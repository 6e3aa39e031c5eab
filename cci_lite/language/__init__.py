"""What differs from language to language, and text as people hear it."""
