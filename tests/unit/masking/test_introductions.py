"""Names as people introduce themselves, and what is none though it stands where names do."""

from __future__ import annotations

import pytest

from cci_lite.masking.introductions import HeardName, introduced_names
from tests.depth import mostly_slow
from tests.model_examples import CUSTOMER, call_of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi, my name is Alice Smith. How are you?", {"Alice Smith"}),
        ("This is Bob speaking", {"Bob"}),
        ("this is Anna from Acme", {"Anna"}),
        ("I'm Carol, and this is Important", {"Carol"}),
        ("Thank you Mr. O'Neil, and Mrs van der Berg", {"O'Neil", "Berg"}),
        ("Mein Name ist Jörg van der Berg.", {"Jörg van der Berg"}),
        ("ich heiße Dr. Anna-Lena Weiß, Frau Doktor Schmidt", {"Anna-Lena Weiß", "Schmidt"}),
        ("Guten Tag Herr Müller und Frau Çelik", {"Müller", "Çelik"}),
        ("Is that Mr Brown's order?", {"Brown"}),
        ("Mr Post", {"Post"}),
        ("I'm Sorry. I am Calling. I'm German. my name is [NAME]", set()),
        ("this is Great", set()),
        ("Ich bin Thomas Schneider", {"Thomas Schneider"}),
        ("hier ist Thomas Schneider", {"Thomas Schneider"}),
        ("Müller am Apparat", {"Müller"}),
        ("Schneider, guten Tag", {"Schneider"}),
        ("Acme Versicherung, Schneider, schönen guten Tag", {"Schneider"}),
        ("Jane speaking", {"Jane"}),
        ("Good morning, Jane speaking", {"Jane"}),
        ("It's Jane Doe", {"Jane Doe"}),
        ("I'm Christian, after all", {"Christian"}),
        ("my name is alice", {"alice"}),
        ("my name is jane doe and i need help", {"jane doe"}),
        ("mein Name ist thomas schneider.", {"thomas schneider"}),
        ("my name is S M I T H", {"SMITH"}),
        ("my last name is S-M-I-T-H, yes", {"SMITH"}),
        ("The holder is Rupert Ashdown.", {"Rupert Ashdown"}),
        ("ich heiße sabine vogt und habe", {"sabine vogt"}),
        ("Mi nombre es Ana Ruiz, ¿señor Villanueva?", {"Ana Ruiz", "Villanueva"}),
        ("hola me llamo ana ruiz", {"ana ruiz"}),
        ("Soy Carmen Ortega. Soy Beatriz desde Madrid", {"Carmen Ortega", "Beatriz"}),
        ("Le atiende Gonzalo, buenos días", {"Gonzalo"}),
        ("Gonzalo al habla", {"Gonzalo"}),
        ("Mera naam Rahul Sharma hai", {"Rahul Sharma"}),
        ("mera naam rahul hai ji", {"rahul"}),
        ("मेरा नाम राहुल शर्मा है।", {"राहुल शर्मा"}),
        ("मैं प्रिया बोल रही हूँ", {"प्रिया"}),
        ("main rahul bol raha hoon", {"rahul"}),
        ("Main Priya Nair bol rahi hoon", {"Priya Nair"}),
        ("kya main rohan mehta se baat kar raha hoon", {"rohan mehta"}),
    ],
)
def test_names_are_taken_from_introductions(text: str, names: set[str]) -> None:
    assert introduced_names(call_of((CUSTOMER, text))) == names


@pytest.mark.parametrize(
    "text",
    [
        "weil meine Frau Probleme mit dem Router hat",
        "meine Frau Geburtstag hat",
        "wegen seiner Frau Schneider",
        "Ihr Herr Vater",
        "Herr Ober",
        "Frau Rechnung",
        "You're speaking to Customer Service",
        "Am I speaking with Acme Broadband?",
        "talking to Technical Support",
        "hier spricht der Kundenservice",
        "I'm Vodafone customer",
        "I'm Premium customer",
        "I'm Amazon seller",
        "I am Catholic",
        "The product name is Office Home",
        "file name is Invoice March",
        "the company's name is Acme Widgets",
        "The host name is Mark",
        "Ich bin Kunde seit Januar",
        "Ich bin Student",
        "Hallo, guten Tag",
        "Acme Versicherung, guten Tag",
        "bleiben Sie am Apparat",
        "Customer Service speaking",
        "Generally speaking",
        "English speaking",
        "It's Great",
        "my name is not on the list",
        "the name is important",
        "Me llamo la atención que suba",
        "Soy cliente desde enero. Soy de Sevilla",
        "mi señora López",
        "Le habla el departamento de Facturación",
        "Señor, no se preocupe",
        "Mera naam galat likha hai",
        "मेरा नाम सूची में नहीं है",
        "मैं बोल रहा हूँ कि bill गलत है",
        "main abhi bol raha hoon",
        "the Main Street Station",
    ],
)
def test_what_stands_where_names_do_is_none(text: str) -> None:
    assert introduced_names(call_of((CUSTOMER, text))) == set()


@pytest.mark.parametrize(
    ("text", "is_heard"),
    [
        ("I'm Jane Broad", True),
        ("It's Jane Broad", True),
        ("kya main Jane Broad se baat kar rahi hoon", True),
        ("kya main jane broad se baat kar rahi hoon", False),
        ("You're talking to Jane Broad", True),
        ("My name is Jane Broad", False),
        ("I'm Jane Broad. My name is Jane Broad", False),
    ],
)
def test_only_who_says_the_name_is_sure_of_it(text: str, is_heard: bool) -> None:
    (name,) = introduced_names(call_of((CUSTOMER, text)))
    assert isinstance(name, HeardName) is is_heard


@pytest.mark.parametrize("length", mostly_slow([5_000, 200_000], [5_000]))
@pytest.mark.parametrize(
    "piece",
    [
        "I'm A ",
        "I'm Alice ",
        "my name is a ",
        "S ",
        "S-",
        " speaking",
        "A, ",
        "guten Tag, ",
        "Frau ",
        "main ",
        "main a bol rah",
        "मैं ",
    ],
)
def test_no_text_makes_looking_for_names_try_for_ever(piece: str, length: int) -> None:
    # In time that grows with the square of the text, the longest would take hours.
    introduced_names(call_of((CUSTOMER, (piece * length)[:length])))
