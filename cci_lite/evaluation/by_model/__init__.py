"""Asks a language model about the criteria without a rule, and checks what it quotes."""
