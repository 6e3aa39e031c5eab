"""Names as people introduce themselves and address each other.

Behind a cue ("my name is", "Frau", "hier spricht") stands a name, if what follows is written like
one and is no noun. The cues, and the words that are no names, stand in `introductions.toml`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property, lru_cache

from cci_lite.contract.conversation import Conversation
from cci_lite.language.heard import mark_class
from cci_lite.masking.clues import BLANK, BORDER, Clues, any_phrase
from cci_lite.masking.word_lists import introductions, introductions_in, word_set

_CUES = ("my_name", "a_name", "title", "polite", "speaking", "perhaps")
_CUE, _AROUND, _BEHIND, _GREETED = range(4)
_MOST_WORDS = 6
_MOST_SMALL_WORDS = 2
_MOST_WORDS_BEHIND = 3
# Where a cue says little, a name has this many words.
_WORDS_OF_FULL_NAME = range(2, 4)
# So much is read before a cue: every look back stays short, however long the text is.
_REACH = 80
_POSSESSIVE = re.compile(r"['’]s$")  # noqa: RUF001
_NEXT_WORD = re.compile(r"\s([^\W\d_]+)")
_SPELLED = re.compile(
    r"\s+(?:spel(?:led|t)\s+)?((?:[^\W\d_][\s.,-]{1,3}){2,20}[^\W\d_])(?![\w'’])"  # noqa: RUF001
)
_SENTENCE = re.compile(r".*[,.!?:;¿¡]\s?", re.DOTALL)


class HeardName(str):
    """A name that was introduced in passing: its parts count only where they are capitalised."""

    __slots__ = ()


class _Expressions:
    """How cues and names are found in calls of a language.

    An expression finds nothing in a text without its clue, and is made for the first that has it.
    """

    def __init__(self, language_code: str | None) -> None:
        self._languages = introductions_in(language_code)
        pairs = itertools.chain.from_iterable(each.around for each in self._languages)
        self._pairs = list(pairs)
        letter = rf"[\w{mark_class()}]"
        self._word = rf"[^\W\d_](?:{letter}|['’-](?=\w))*"  # noqa: RUF001

    @cached_property
    def clues(self) -> Clues:
        """The clues of _CUE, _AROUND, _BEHIND and _GREETED."""
        return Clues(
            (
                f"{BORDER}{any_phrase(self._listed(*_CUES))}{BLANK}",
                f"{BORDER}{any_phrase(one for one, _ in self._pairs)}{BLANK}",
                f"{BLANK}{any_phrase(self._listed('behind'))}",
                f",{BLANK}{any_phrase(self._listed('greeting'))}",
            )
        )

    @cached_property
    def cue(self) -> re.Pattern[str]:
        """What a name stands behind."""
        cues = "|".join(f"(?P<{key}>{_any(self._listed(key))})" for key in _CUES)
        return re.compile(rf"(?<!\w)(?:{cues})(?=\s)", re.IGNORECASE)

    @cached_property
    def around(self) -> re.Pattern[str]:
        """What a name stands between."""
        between = rf"((?:\s+{self._word}){{1,3}}?)"
        around = (rf"{_any([one])}{between}\s+{_any([other])}" for one, other in self._pairs)
        return re.compile(rf"(?<!\w)(?:{'|'.join(around)})", re.IGNORECASE)

    @cached_property
    def behind(self) -> re.Pattern[str]:
        """What a name stands before."""
        return re.compile(rf"(?<=\w)\s(?:{_any(self._listed('behind'))})\b", re.IGNORECASE)

    @cached_property
    def greeted(self) -> re.Pattern[str]:
        """A name and a greeting, at the beginning of a turn."""
        return re.compile(
            r"(?:[^,.!?]{0,60}[,.]\s)?(?P<name>[^,.!?]{2,60}),"
            rf"\s(?:{_any(self._listed('greeting'))})\b",
            re.IGNORECASE,
        )

    @cached_property
    def goes_on(self) -> re.Pattern[str]:
        """What tells behind a name that it is one."""
        return re.compile(rf",?\s+(?:{_any(self._listed('goes_on'))})\b", re.IGNORECASE)

    @cached_property
    def word(self) -> re.Pattern[str]:
        """The next word of a name."""
        return re.compile(rf"\s+({self._word})\.?")

    def _listed(self, *keys: str) -> Iterator[str]:
        return (phrase for key in keys for each in self._languages for phrase in getattr(each, key))


_expressions = lru_cache(maxsize=64)(_Expressions)


def introduced_names(conversation: Conversation) -> frozenset[str]:
    """The names that are said where people introduce themselves or are addressed.

    Those that may be something else are each a HeardName.
    """
    known = _expressions(conversation.language_code)
    names = [name for turn in conversation.turns for name in _names(turn.text, known) if name]
    sure = {name for name in names if not isinstance(name, HeardName)}
    return frozenset(sure.union(names))


def _any(phrases: Iterable[str]) -> str:
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return "|".join(
        re.escape(phrase).replace(r"\ ", r"\s").replace("'", "['’]")  # noqa: RUF001
        for phrase in longest_first
    )


def _names(text: str, known: _Expressions) -> Iterator[str]:
    hinted = known.clues.found_in(text)
    for cue in known.cue.finditer(text) if _CUE in hinted else ():
        before = text[max(0, cue.start() - _REACH) : cue.start()].lower().split()
        yield from _behind_cue(text, cue, before[-1] if before else "", known)
    for found in known.around.finditer(text) if _AROUND in hinted else ():
        words = next(filter(None, found.groups())).split()
        name = "" if any(map(_is_no_name, words)) else " ".join(words)
        yield HeardName(name) if name != name.lower() else name
    for found in known.behind.finditer(text) if _BEHIND in hinted else ():
        yield HeardName(_name_before(text[max(0, found.start() - _REACH) : found.start()]))
    if _GREETED in hinted and (greeted := known.greeted.match(text.lstrip())):
        name = greeted["name"]
        yield HeardName(name if _name_before(name) == name else "")


def _behind_cue(
    text: str, cue: re.Match[str], word_before: str, known: _Expressions
) -> Iterator[str]:
    kind, end = cue.lastgroup, cue.end()
    is_named = kind in ("my_name", "a_name")
    if is_named and _POSSESSIVE.sub("", word_before) in _list("things"):
        return
    if kind == "polite" and word_before in _list("possessives"):
        return
    if is_named or kind in ("speaking", "perhaps"):
        yield from _spelled_at(text, end)
    name, name_end = _name_at(text, end, known, with_nouns=kind in ("my_name", "title"))
    if kind in ("speaking", "perhaps"):
        is_sure = kind == "speaking" or known.goes_on.match(text, name_end) or _is_full(name)
        yield HeardName(name if is_sure and not _is_before_noun(text, name_end) else "")
    else:
        yield name or (_small_name_at(text, end, known) if kind == "my_name" else "")


def _name_at(text: str, position: int, known: _Expressions, *, with_nouns: bool) -> tuple[str, int]:
    """The name whose words begin here, and where it ends; an empty one when there is none.

    Somebody is called Post: `with_nouns` says that nouns count as names.
    """
    words: list[str] = []
    end = position
    while len(words) < _MOST_WORDS and (found := known.word.match(text, position)):
        word = found[1]
        folded = word.lower()
        is_title = folded in _list("titles")
        is_name = word[0].isupper() and folded not in _list("not_names")
        if is_name and (with_nouns or not _is_noun(word)) and not (is_title and not words):
            # "van der" counts between names.
            words += [*text[end : found.start(1)].split(), word] if words else [word]
            end = found.end(1)
        elif not is_title and folded not in _list("joints"):
            break
        if found[0].endswith(".") and len(word) > 2 and not is_title:
            break
        position = found.end()
    if all(len(part) == 1 for word in words for part in word.split("-")):
        return "", end
    return _POSSESSIVE.sub("", " ".join(words)), end


def _name_before(text: str) -> str:
    """The name that this ends with, which begins the sentence or follows a common word."""
    words: list[str] = []
    for word in reversed(_SENTENCE.sub("", text).split()):
        if not word[0].isupper() or word.lower() in _list("not_names"):
            break
        if _is_noun(word) or not word.replace("-", "").isalpha():
            return ""
        words.insert(0, word)
    return " ".join(words) if 0 < len(words) <= _MOST_WORDS_BEHIND else ""


def _small_name_at(text: str, position: int, known: _Expressions) -> str:
    """The name after "my name is" where nothing is capitalised, or a script has no capitals."""
    words: list[str] = []
    while (
        len(words) < _MOST_SMALL_WORDS
        and (found := known.word.match(text, position))
        and found[1] == found[1].lower()
        and not _is_no_name(found[1])
    ):
        words.append(found[1])
        position = found.end(1)
    return " ".join(words)


def _spelled_at(text: str, position: int) -> Iterator[str]:
    if found := _SPELLED.match(text, position):
        yield "".join(filter(str.isalpha, found[1]))


def _is_no_name(word: str) -> bool:
    """Whether this word goes on with the sentence, where no capital tells a name."""
    lists = ("not_small_names", "not_names", "nouns")
    return len(word) == 1 or any(word.lower() in _list(each) for each in lists)


def _is_noun(word: str) -> bool:
    folded = word.lower()
    return folded in _list("nouns") or folded.endswith(tuple(_list("noun_endings")))


def _is_full(name: str) -> bool:
    return len(name.split()) in _WORDS_OF_FULL_NAME


def _is_before_noun(text: str, end: int) -> bool:
    """Whether the next word says that this was a company, or what somebody is."""
    found = _NEXT_WORD.match(text, end)
    if found is None:
        return False
    word = found[1]
    endings = tuple(_list("small_noun_endings"))
    is_noun = word.islower() and len(word) > 3 and word.removesuffix("s").endswith(endings)
    return _is_noun(word) or (is_noun and word not in _list("no_small_nouns"))


@cache
def _list(name: str) -> frozenset[str]:
    return word_set(getattr(introductions().words, name))
