"""Personal data to plant wherever it can come in; it must come out nowhere, on AWS or the laptop."""

from __future__ import annotations

NAME = "Annegret Kanarienvogel"
CARD = "4539 1488 0343 6467"
IBAN = "DE89 3704 0044 0532 0130 00"
PHONE = "+49 170 5550123"
MAIL = "annegret.kanarienvogel@example.org"
FILE_NAME = f"call of {NAME} {PHONE} {MAIL}.wav"
PLANTED = f"{NAME}, card {CARD}, account {IBAN}, phone {PHONE}, mail {MAIL}"

# What each kind of them is said to be, in figures and in words. The name is introduced first.
ENGLISH = (
    f"My name is {NAME}.",
    f"My card is {CARD}, in words four five three nine one four eight eight zero three four three "
    "six four six seven.",
    f"My account is {IBAN}, in words D E eight nine three seven zero four zero zero four four zero "
    "five three two zero one three zero zero zero.",
    f"My phone is {PHONE}, in words plus four nine one seven zero five five five zero one two three.",
    f"My mail is {MAIL}, in words annegret dot kanarienvogel at example dot org.",
    "Yes, this is for Annegret, as Kanarienvogel said.",
)
GERMAN = (
    f"Mein Name ist {NAME}.",
    f"Meine Karte ist {CARD}, in Worten vier fünf drei neun eins vier acht acht null drei vier "
    "drei sechs vier sechs sieben.",
    f"Das Konto ist {IBAN}, in Worten D E acht neun drei sieben null vier null null vier vier "
    "null fünf drei zwei null eins drei null null null.",
    f"Das Telefon ist {PHONE}, in Worten plus vier neun eins sieben null fünf fünf fünf null eins "
    "zwei drei.",
    f"Meine Mail ist {MAIL}, in Worten annegret punkt kanarienvogel ät example punkt org.",
    "Ja, das ist für Annegret, wie Kanarienvogel sagte.",
)

_CANARIES = (
    *("annegret", "kanarienvogel", "example.org", "example dot org", "example punkt org"),
    *("4539 1488", "45391488", "0343 6467", "3704 0044", "37040044", "0532 0130", "5550123"),
    *("call of", "call+of", "call%20of"),
    *("four five three", "four six seven", "eight nine three", "three two zero", "one two three"),
    *("vier fünf drei", "vier sechs sieben", "acht neun drei", "drei zwei null", "eins zwei drei"),
    *("five five five", "fünf fünf fünf"),
)


def spoils(text: str) -> list[str]:
    """The canaries in a text, in any case and also as JSON writes their letters."""
    lower = text.lower().replace("\\u00fc", "ü").replace("\\u00e4", "ä")
    return [canary for canary in _CANARIES if canary in lower]
