"""Names of persons in one form, whichever script, order and spelling they came in.

A Korean name is written in Hangul (family name first, no space) or in Latin letters, in either
order, with or without a hyphen, and by no single spelling: Kim and Gim, Lee and Yi and Rhee, Hyun
and Hyeon are the same. So a name also gets a `sound`: Hangul is written out by the Revised
Romanisation (National Institute of Korean Language, 2000), then both are reduced to consonant
classes and five vowels, which is coarser than any of the usual spellings. Moving the family name to
the other end rotates the string, so the least rotation is kept (as for necklaces in combinatorics):
the sound is the same in either order and however the given name is divided.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

# Revised Romanisation, in the order of Unicode's Hangul syllables.
_INITIALS = "g kk n d tt r m b pp s ss _ j jj ch k t p h".replace("_", "").split(" ")
_MEDIALS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()  # noqa: SIM905
_FINALS = (
    "_ k k k n n n t l k m l l l p l m p p t t ng t t k t p t".replace("_", "").split(" ")
)  # fmt: skip

# Family names of two syllables; every other family name has one.
LONG_FAMILY_NAMES = frozenset(
    ("남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "망절", "어금", "장곡")
)
# What clerks add to a name, and what stands for nothing in one.
TITLES = ("님", "씨", "고객님", "귀하", "대리", "과장", "부장", "사장")
_TITLES = re.compile(rf"(?<=[가-힣]{{2}})\s*(?:{'|'.join(TITLES)})$")
LATIN_TITLES = frozenset(["mr", "mrs", "ms", "miss", "dr", "prof", "jr", "sr"])

_CONSONANTS = (
    ("sh", "s"), ("ch", "c"), ("wh", "h"), ("ck", "k"), ("kk", "k"), ("tt", "t"), ("pp", "p"),
    ("ss", "s"), ("jj", "c"), ("rh", "r"), ("ph", "p"), ("x", "ks"), ("g", "k"), ("q", "k"),
    ("d", "t"), ("b", "p"), ("v", "p"), ("f", "p"), ("j", "c"), ("z", "c"), ("r", "l"),
)  # fmt: skip
# A vowel as it may be spelled, and the class it is heard as: longest first.
_VOWELS = {
    "eui": "i", "eeu": "iu", "eo": "u", "eu": "u", "oo": "u", "ou": "u", "ue": "u", "ae": "e",
    "ai": "e", "ay": "e", "ea": "e", "oe": "e", "oi": "e", "ee": "i", "ui": "i",
    "o": "u", "u": "u", "a": "a", "e": "e", "i": "i",
}  # fmt: skip
_VOWEL = re.compile("|".join(_VOWELS))
_BETWEEN_PARTS = re.compile(r"[^\w'\u2019-]+|_")
_NO_LETTER = re.compile(r"[\W\d_]")
_NG = re.compile(r"ng")
_SILENT_H = re.compile(r"(?<=[aeiou])h(?![aeiouwy])")
_SILENT_R = re.compile(r"(?<=[aeiou])r(?![aeiouwy])")
_OPENING_L = re.compile(r"l(?=[aeiouwy])")
_DOUBLED_END = re.compile(r"([b-df-hj-np-tv-z])\1+$")


class Name(NamedTuple):
    """A name in the forms that are compared.

    Attributes:
        written: the parts in one order, so that it is equal whichever part came first.
        flat: all letters in the order they were written.
        turned: the same with the last part moved to the front.
        sound: the same for every usual spelling in Hangul and in Latin letters.
        parts: family and given names apart, as sounds where the name is Hangul.
        is_hangul: whether it was written in Hangul.
    """

    written: str
    flat: str
    turned: str
    sound: str
    parts: Sequence[str]
    is_hangul: bool


def read_name(text: str) -> Name | None:
    """Returns a name in its compared forms; none where nothing of a name is left."""
    hangul = _TITLES.sub("", unicodedata.normalize("NFC", text).strip())
    syllables = "".join(character for character in hangul if _is_syllable(character))
    if len(syllables) >= 2:
        return _read_hangul(syllables)
    return _read_latin(text)


def _read_hangul(syllables: str) -> Name:
    family = 2 if syllables[:2] in LONG_FAMILY_NAMES and len(syllables) > 2 else 1
    sounds = [sound_of_syllable(syllable) for syllable in syllables]
    parts = ["".join(sounds[:family]), "".join(sounds[family:])]
    return Name(syllables, syllables, syllables, _least_rotation("".join(sounds)), parts, True)


def _read_latin(text: str) -> Name | None:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    letters = unicodedata.normalize("NFC", bare)
    # A hyphen joins the syllables of a given name; an apostrophe divides nothing.
    parts = (_NO_LETTER.sub("", part) for part in _BETWEEN_PARTS.split(letters))
    words = [part for part in parts if part and part not in LATIN_TITLES]
    if not words or sum(map(len, words)) < 2:
        return None
    return Name(
        written=" ".join(sorted(words)),
        flat="".join(words),
        turned="".join([words[-1], *words[:-1]]),
        sound=_least_rotation("".join(sound_of_latin(word) for word in words)),
        parts=words,
        is_hangul=False,
    )


def _is_syllable(character: str) -> bool:
    return "가" <= character <= "힣"


@cache
def sound_of_syllable(syllable: str) -> str:
    """Returns how a syllable of Hangul is heard: its usual Latin spelling, reduced."""
    place, final = divmod(ord(syllable) - ord("가"), len(_FINALS))
    initial, medial = divmod(place, len(_MEDIALS))
    return sound_of_latin(_INITIALS[initial] + _MEDIALS[medial] + _FINALS[final])


@lru_cache(maxsize=100_000)
def sound_of_latin(word: str) -> str:
    """Returns a word of small Latin letters, reduced to what its spellings share."""
    text = _DOUBLED_END.sub(r"\1", word)
    text = _SILENT_R.sub("", _SILENT_H.sub("", text))
    text = _NG.sub("ŋ", text)
    for spelled, heard in _CONSONANTS:
        text = text.replace(spelled, heard)
    text = _OPENING_L.sub("|", text)
    # The glides w and y part two vowels and are heard otherwise in every spelling.
    text = "|".join(re.split(r"[wy]+", text))
    return _VOWEL.sub(lambda found: _VOWELS[found[0]], text).replace("|", "") or word


def _least_rotation(text: str) -> str:
    return min((text[place:] + text[:place] for place in range(len(text))), default=text)
