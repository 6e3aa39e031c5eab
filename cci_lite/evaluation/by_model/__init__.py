"""Asking a language model about the other criteria, and finding what it quotes."""
