"""Second-stage masking: personal data that a transcript or a model's words still carry."""
