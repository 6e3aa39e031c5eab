"""Names as people introduce themselves and address each other, in English and German."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cci_lite.contract.conversation import Conversation


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Parts of names that say nothing by themselves.
PARTICLES = _words(
    """
    a al and bin da dal das de del della den der di do dos dr du el frau herr herrn la le madam
    miss mister mr mrs ms of prof sir st the und van vom von zu zum zur
    """
)
# Names that are words of any call, too: only what is written like a name is one.
COMMON_NAMES = _words(
    """
    able an april art august baker banks best bill bishop black blue bond brook brooks brown buck
    butler case chance chase church clay close cook cross dale dawn day dean drew early fair faith
    fast field fields flowers ford forest fox frank free french german gold good grace grant gray
    green grey gross groß grün gut hall hand happy hart hill holiday home hood hope house hunter
    im in joy june jung just king klein lake lane lang lieb like lily little long love low major
    mark marsh mason may mercy mill moody more neu nice north ok page park parker pat patience
    pearl piper pleasant pool poor porter power price prince read reich rich ring river rob rock
    rose ruby rush sage sand saver school schwarz sharp short small smart snow so spring star
    stark stone storm street strong sue summer sun sunny teller temple terrace three tree trip
    trust turner wade walker wall ward water waters way west white wild will winter wise wolf wood
    woods young
    """
)

# Capitalised words that follow "I'm", "my name is", "Frau" and are no names.
_NOT_NAMES = _words(
    """
    a abend afraid african all alles alright also am amazon american an and anfang angry appointment
    are asap asian at australian austrian back baptist british broadly buddhist but calling canadian
    catholic chinese christmas danke das december delighted dezember dienstag do doctor does doktor
    done donnerstag dr dutch ende english er es european evangelisch februar february fine french
    friday from generally german glad going good great greek gut guten hallo happy he hello here hey
    hi hindu honestly how i i'm ich if ihr in indian irish is it italian ja jahr januar january
    japanese jetzt jewish juli july juni just katholisch kein kollege kollegin leider like madam
    mexican mister mitte mittwoch moin moment monday montag moslem mr mrs ms muslim my märz native
    nein no noch not november october of ok okay oktober on personally please polish pretty prof
    professor protestant ready really republican robot roughly russian samstag saturday scottish
    september servus she sick sie sir so sorry spanish strictly sunday super sure swiss technically
    terribly thank thanks that the then there they this thursday to today trying tuesday turkish
    unable und unfortunately vegan very was we wednesday welcome well welsh what when who willkommen
    wir with wondering yeah yes you your
    """
)
# Nouns that stand where names do: a name before one of them is a company's or a product's.
_NOT_PEOPLE = _words(
    """
    abonnent agent airlines airport airways angst anruf anrufbeantworter anwalt apparat arbeit arzt
    assistant auto automat bank bekannter besitzer besitzerin billing box broadband buchhaltung
    cable card care center centre chef chefin client company corp corporation credit customer
    customers department desk direktor division employee energy fan fiber firma frau freundin
    geburtstag geld gmbh group guest handy herr hilfe home hospital hotel inc inhaber inhaberin
    insurance internet invoice kasse kind kinder konto kunde kunden kundin lage landlord laptop
    leiter leiterin limited line llc loan ltd lust manager member mieter mitarbeiter mitarbeiterin
    mitglied mobile mutter nachbar nachbarin network number nutzer ober office oma online opa
    operator order owner papa passenger patient plan post premium problem probleme präsident
    rechnung recht rentner rentnerin representative reservations restaurant router sale sales schuld
    schwester sekretariat seller shop sohn staff store strom student studentin subscriber support
    team tech technical technician technik techniker telecom telefon tenant termin tochter travel
    urlaub user vater verkauf versicherung vertrag vertrieb vorstand wohnung zeit zentrale
    """
)
_NOT_PEOPLE_BY_ENDING = re.compile(
    r".*(?:service|services|dienst|support|abteilung|hotline|center|beratung|betreuung|berater|beraterin|kunde"
    r"|kundin|heit|keit|schaft|tion|tät|nummer|vertrag|rechnung|anschluss|versicherung)"
)
# Of lower-case words, what follows "I'm Vodafone" and tells that this is no name.
_NOUN_BY_ENDING = re.compile(r"\w{2,40}(?:er|or|ent|ant|ist|ian|ment|tion)s?")
_NO_NOUNS = _words(
    """
    after although another either ever for further however later never nor other over per rather
    spent together under until whatever whenever wherever whether
    """
)
# What "my name is" goes on with where no name follows.
_NO_LOWER_NAMES = (
    _NOT_NAMES
    | _NOT_PEOPLE
    | _words(
        """
    about aber account actually address already always any as auf aus because been before being bei
    by can changed common correct could den der die different dem doesn't due easy ein eine email
    falsch famous first für ganz had has hasn't have hier hyphenated i'd i'll i've ich important
    incorrect isn't known last linked listed mentioned mine misspelled misspelt need needed never
    nicht now nur off one only or our out phone please private pronounced reading registered richtig
    right same saved schon secret should shown similar some speaking spelled spelling spelt still
    supposed than their too uh um under unknown unusual up want wanted were which whose would
    wrong written you're ähm äh
    """
    )
)
_POSSESSIVES = re.compile(
    r"\b(?:mein|dein|sein|ihr|unser|euer|eur)(?:e|er|en|em|es)?\s+$", re.IGNORECASE
)
# "The product name is", "the company's name is": no person's.
_NAME_OF_A_THING = re.compile(
    r"\b(?:account|app|bank|band|book|brand|building|business|city|company|computer|device|display"
    r"|domain|event|file|firm|folder|group|host|hotel|item|login|model|movie|network|package|page"
    r"|plan|product|program|project|restaurant|screen|server|service|shop|site|song|store|street"
    r"|team|town|user|website|wifi|wi-fi)(?:['’]s)?\s+$",  # noqa: RUF001
    re.IGNORECASE,
)
_TITLES = _words("doktor dr prof professor")
_JOINTS = _words("al bin da de del della den der di dos du el la le van vom von zu zum zur")
_MOST_WORDS = 6
_MOST_LOWER_WORDS = 2
# Where a cue says little, a name has this many words.
_WORDS_OF_FULL_NAME = range(2, 4)
_REACH = 80

_CUE = re.compile(
    r"\b(?:(?P<named>(?:my (?:full |first |last |middle |family |sur)?|the )?name(?:\sis|['’]s)"  # noqa: RUF001
    r"|(?:mein|vor|nach|zu)\s?(?:voller |ganzer )?name ist)"
    r"|(?P<german>herrn?|frau)"
    r"|(?P<plain>(?:speaking|talking) (?:with|to)|i am|i['’]m|hier spricht)"  # noqa: RUF001
    # These introduce somebody only with two words, or before a closing.
    r"|(?P<weak>this is|it['’]s|hier ist|ich bin)"  # noqa: RUF001
    r"|call me|(?:mr|mrs|ms|dr)\.?|miss|mister|ich hei(?:ß|ss)e)(?=\s)",
    re.IGNORECASE,
)
_MY_NAME = re.compile(r"(?:my|mein)\b", re.IGNORECASE)
_CLOSING = re.compile(
    r",?\s+(?:speaking|calling|from|here|with|at|von|vom|aus|am apparat)\b", re.IGNORECASE
)
_LATE_CUE = re.compile(r"(?<=\w)\s(?:speaking|am apparat)\b", re.IGNORECASE)
_GREETED = re.compile(
    r"(?:[^,.!?]{0,60}[,.]\s)?(?P<name>[^,.!?]{2,60}),\s(?:einen?\s)?(?:wunder)?(?:schönen?\s)?"
    r"guten\s(?:tag|morgen|abend)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\s+([^\W\d_](?:[\w\u0300-\u036f]|['’-](?=\w))*)\.?")  # noqa: RUF001
_NEXT_WORD = re.compile(r"\s([^\W\d_]+)")
_SPELLED = re.compile(
    r"\s+(?:spel(?:led|t)\s+)?((?:[^\W\d_][\s.,-]{1,3}){2,20}[^\W\d_])(?![\w'’])"  # noqa: RUF001
)
_POSSESSIVE = re.compile(r"['’]s$")  # noqa: RUF001


class HeardName(str):
    """A name that was introduced in passing: its parts count only where they are capitalised."""

    __slots__ = ()


def introduced_names(conversation: Conversation) -> frozenset[str]:
    """The names that are said where people introduce themselves or are addressed.

    "My name is", "I'm", "Mr", "mein Name ist", "ich heiße", "Frau" and their like, before words
    that are written as names. Those that may be something else are each a HeardName.
    """
    names = [name for turn in conversation.turns for name in _names(turn.text) if name]
    sure = {name for name in names if not isinstance(name, HeardName)}
    return frozenset(sure.union(names))


def _names(text: str) -> Iterator[str]:
    for cue in _CUE.finditer(text):
        before = text[max(0, cue.start() - _REACH) : cue.start()]
        if cue["named"]:
            if not _NAME_OF_A_THING.search(before):
                yield from _spelled_at(text, cue.end())
                is_own = _MY_NAME.match(cue[0]) is not None
                name, _ = _name_at(text, cue.end(), with_nouns=is_own)
                yield name or (_lower_name_at(text, cue.end()) if is_own else "")
        elif cue["german"]:
            if not _POSSESSIVES.search(before):
                yield _name_at(text, cue.end())[0]
        elif cue["plain"] or cue["weak"]:
            yield from _spelled_at(text, cue.end())
            name, end = _name_at(text, cue.end())
            is_sure = cue["plain"] or _CLOSING.match(text, end) or _is_full(name)
            if is_sure and not _is_before_noun(text, end):
                yield HeardName(name)
        else:
            yield _name_at(text, cue.end(), with_nouns=True)[0]
    for cue in _LATE_CUE.finditer(text):
        yield HeardName(_name_before(text[max(0, cue.start() - _REACH) : cue.start()]))
    if greeted := _GREETED.match(text.lstrip()):
        name = greeted["name"]
        if _name_before(name) == name:
            yield HeardName(name)


def _name_at(text: str, position: int, *, with_nouns: bool = False) -> tuple[str, int]:
    """The name whose words begin here, and where it ends; an empty one when there is none.

    Somebody is called Post: `with_nouns` says that nouns count as names.
    """
    words: list[str] = []
    end = position
    while len(words) < _MOST_WORDS and (found := _WORD.match(text, position)):
        word = found[1]
        folded = word.lower()
        is_name = word[0].isupper() and folded not in _NOT_NAMES
        if is_name and (with_nouns or not _is_noun(word)) and not (folded in _TITLES and not words):
            # "van der" counts between names.
            words += [*text[end : found.start(1)].split(), word] if words else [word]
            end = found.end(1)
        elif folded not in _TITLES and folded not in _JOINTS:
            break
        if found[0].endswith(".") and len(word) > 2 and folded not in _TITLES:
            break
        position = found.end()
    if all(len(part) == 1 for word in words for part in word.split("-")):
        return "", end
    return _POSSESSIVE.sub("", " ".join(words)), end


def _name_before(text: str) -> str:
    """The name that this ends with, which begins the sentence or follows a common word."""
    words: list[str] = []
    for word in reversed(re.split(r".*[,.!?:;]\s", text, flags=re.DOTALL)[-1].split()):
        if not word[0].isupper() or word.lower() in _NOT_NAMES:
            break
        if _is_noun(word) or not word.replace("-", "").isalpha():
            return ""
        words.insert(0, word)
    return " ".join(words) if len(words) in range(1, 4) else ""


def _lower_name_at(text: str, position: int) -> str:
    """The name after "my name is" where nothing is capitalised."""
    words: list[str] = []
    while (
        len(words) < _MOST_LOWER_WORDS
        and (found := _WORD.match(text, position))
        and found[1].islower()
        and len(found[1]) > 1
        and found[1] not in _NO_LOWER_NAMES
    ):
        words.append(found[1])
        position = found.end(1)
    return " ".join(words)


def _spelled_at(text: str, position: int) -> Iterator[str]:
    if found := _SPELLED.match(text, position):
        yield "".join(filter(str.isalpha, found[1]))


def _is_noun(word: str) -> bool:
    folded = word.lower()
    return folded in _NOT_PEOPLE or _NOT_PEOPLE_BY_ENDING.fullmatch(folded) is not None


def _is_full(name: str) -> bool:
    return len(name.split()) in _WORDS_OF_FULL_NAME


def _is_before_noun(text: str, end: int) -> bool:
    """Whether the next word says that this was a company, or what somebody is."""
    found = _NEXT_WORD.match(text, end)
    if found is None:
        return False
    word = found[1]
    is_common = word.islower() and word not in _NO_NOUNS and _NOUN_BY_ENDING.fullmatch(word)
    return _is_noun(word) or bool(is_common)
