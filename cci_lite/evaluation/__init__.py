"""From a conversation and a form to verdicts: by rules, and by a language model."""
