"""Second-stage masking: personal data that a transcript or a model's words still carry.

`mask.py` is what others call. Each of its stages finds spans of one kind: `mail_addresses.py`,
`identity_numbers.py`, `birth_dates.py`, `spoken_numbers.py` (with `number_words.py`), `figures.py`
and `names.py`. `introductions.py` finds who introduces themselves; `places.py` tells addresses.
The words that they look for are data: the `.toml` files, which `word_lists.py` reads.
"""
