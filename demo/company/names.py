"""How names, phones and mail addresses are written: rightly, otherwise, and wrongly."""

import pyarrow as pa
import pyarrow.compute as pc

from demo.company.draws import Array, digits, fixed, joined, scattered, words, written

# surname, its share of the population in per mille, its Latin spellings
SURNAMES = (
    ("김", 215, ("Kim", "Gim", "Kim")), ("이", 147, ("Lee", "Yi", "Rhee")),
    ("박", 84, ("Park", "Bak", "Pak")), ("최", 47, ("Choi", "Choe", "Choi")),
    ("정", 43, ("Jung", "Jeong", "Chung")), ("강", 23, ("Kang", "Gang", "Kang")),
    ("조", 21, ("Cho", "Jo", "Joe")), ("윤", 20, ("Yoon", "Yun", "Youn")),
    ("장", 20, ("Jang", "Chang", "Jang")), ("임", 17, ("Lim", "Im", "Yim")),
    ("한", 15, ("Han", "Han", "Hahn")), ("오", 15, ("Oh", "O", "Oh")),
    ("서", 15, ("Seo", "Suh", "So")), ("신", 15, ("Shin", "Sin", "Shin")),
    ("권", 14, ("Kwon", "Gwon", "Kweon")), ("황", 14, ("Hwang", "Whang", "Hwang")),
    ("안", 14, ("Ahn", "An", "Ann")), ("송", 14, ("Song", "Song", "Soung")),
    ("류", 13, ("Ryu", "Yoo", "Ryoo")), ("전", 11, ("Jeon", "Jun", "Chun")),
    ("홍", 11, ("Hong", "Hong", "Houng")), ("고", 9, ("Ko", "Go", "Koh")),
    ("문", 9, ("Moon", "Mun", "Moon")), ("양", 9, ("Yang", "Yang", "Ryang")),
    ("손", 9, ("Son", "Sohn", "Son")), ("배", 8, ("Bae", "Pae", "Bai")),
    ("백", 8, ("Baek", "Paik", "Back")), ("허", 6, ("Heo", "Hur", "Huh")),
    ("남", 5, ("Nam", "Nam", "Nahm")), ("심", 5, ("Shim", "Sim", "Shim")),
    ("노", 5, ("Noh", "Roh", "No")), ("하", 5, ("Ha", "Ha", "Hah")),
    ("남궁", 1, ("Namgung", "Namkoong", "Namgoong")),
    ("황보", 1, ("Hwangbo", "Hwangbo", "Whangbo")),
)  # fmt: skip
# syllables of given names with two Latin spellings each
_FIRST = (
    ("민", "Min", "Min"), ("서", "Seo", "Suh"), ("지", "Ji", "Jee"), ("현", "Hyun", "Hyeon"),
    ("수", "Su", "Soo"), ("영", "Young", "Yeong"), ("준", "Jun", "Joon"), ("은", "Eun", "Un"),
    ("재", "Jae", "Jea"), ("성", "Sung", "Seong"), ("정", "Jung", "Jeong"), ("태", "Tae", "Tae"),
    ("혜", "Hye", "Hae"), ("유", "Yu", "Yoo"), ("도", "Do", "Doh"), ("하", "Ha", "Hah"),
    ("승", "Seung", "Sueng"), ("경", "Kyung", "Gyeong"), ("미", "Mi", "Mee"),
    ("동", "Dong", "Tong"), ("선", "Sun", "Seon"), ("상", "Sang", "Sang"), ("윤", "Yoon", "Yun"),
    ("채", "Chae", "Chea"), ("가", "Ga", "Ka"), ("소", "So", "Soh"), ("예", "Ye", "Yae"),
    ("기", "Ki", "Gi"), ("나", "Na", "Nah"), ("다", "Da", "Dah"),
)  # fmt: skip
_SECOND_WOMEN = (
    ("영", "Young", "Yeong"), ("희", "Hee", "Hui"), ("은", "Eun", "Un"), ("연", "Yeon", "Youn"),
    ("진", "Jin", "Jean"), ("미", "Mi", "Mee"), ("아", "Ah", "A"), ("윤", "Yoon", "Yun"),
    ("경", "Kyung", "Gyeong"), ("숙", "Sook", "Suk"), ("정", "Jung", "Jeong"),
    ("원", "Won", "Weon"), ("린", "Rin", "Lin"), ("빈", "Bin", "Been"), ("주", "Ju", "Joo"),
    ("혜", "Hye", "Hae"), ("선", "Sun", "Seon"), ("인", "In", "Ihn"), ("나", "Na", "Nah"),
    ("람", "Ram", "Lam"),
)  # fmt: skip
_SECOND_MEN = (
    ("수", "Su", "Soo"), ("호", "Ho", "Hoh"), ("준", "Jun", "Joon"), ("우", "Woo", "U"),
    ("훈", "Hoon", "Hun"), ("석", "Seok", "Suk"), ("민", "Min", "Min"), ("현", "Hyun", "Hyeon"),
    ("혁", "Hyuk", "Hyeok"), ("철", "Chul", "Cheol"), ("진", "Jin", "Jean"), ("환", "Hwan", "Whan"),
    ("규", "Kyu", "Gyu"), ("원", "Won", "Weon"), ("식", "Sik", "Shik"), ("욱", "Wook", "Uk"),
    ("태", "Tae", "Tae"), ("성", "Sung", "Seong"), ("재", "Jae", "Jea"), ("록", "Rok", "Lok"),
)  # fmt: skip
_SECOND = _SECOND_WOMEN + _SECOND_MEN
FIRST_SYLLABLES, SECOND_SYLLABLES = len(_FIRST), len(_SECOND_WOMEN)
PLACEHOLDER_NAME, PLACEHOLDER_MAIL, PLACEHOLDER_PHONE = "홍길동", "test@test.com", 0
NAME_STYLES = ("hangul", "spaced", "title", "latin_capital", "latin", "latin_other", "slip", "none")
PHONE_STYLES = ("dashes", "plain", "dots", "spaces", "international", "no_zero", "none")
MAIL_ERRORS = ("none", "domain", "ending", "no_at", "placeholder", "none_given")
_DOMAINS = ("naver.com", "gmail.com", "hanmail.net", "daum.net", "kakao.com", "nate.com")
_MISTYPED = ("naver.co", "gmial.com", "hanmial.net", "duam.net", "kakao.con", "nate.cmo")


def _second(second: Array, gender: Array) -> Array:
    last: Array = second + SECOND_SYLLABLES * gender
    return last


def names(
    surname: Array, first: Array, second: Array, gender: Array, latin: Array, style: Array
) -> pa.Array:
    """Returns names as they are written down.

    Args:
        surname: index into `SURNAMES`.
        first: index of the given name's first syllable.
        second: index of its second syllable among those of the gender.
        gender: 0 for women, 1 for men.
        latin: which Latin spelling of the surname (0 to 2) the person uses.
        style: index into `NAME_STYLES`; `title` adds what clerks add, `slip` doubles a syllable.
    """
    last = _second(second, gender)

    def family(rows: Array) -> pa.Array:
        return words([surname for surname, _, _ in SURNAMES], surname[rows])

    def given(rows: Array, second: bool = True) -> pa.Array:
        start = words([hangul for hangul, _, _ in _FIRST], first[rows])
        end = _SECOND if second else _FIRST
        return joined(start, words([s[0] for s in end], (last if second else first)[rows]))

    def latin_family(rows: Array) -> pa.Array:
        spellings = [spelling for _, _, forms in SURNAMES for spelling in forms]
        return words(spellings, surname[rows].astype("int64") * 3 + latin[rows])

    def latin_given(rows: Array, spelling: int, between: str) -> pa.Array:
        return joined(
            words([s[spelling] for s in _FIRST], first[rows]),
            between,
            words([s[spelling].lower() for s in _SECOND], last[rows]),
        )

    return written(
        style,
        [
            lambda rows: joined(family(rows), given(rows)),
            lambda rows: joined(family(rows), " ", given(rows)),
            lambda rows: joined(family(rows), given(rows), "님"),
            lambda rows: joined(pc.utf8_upper(latin_family(rows)), " ", latin_given(rows, 1, "-")),
            lambda rows: joined(latin_given(rows, 1, ""), " ", latin_family(rows)),
            lambda rows: joined(latin_given(rows, 2, " "), " ", latin_family(rows)),
            lambda rows: joined(family(rows), given(rows, second=False)),
            fixed(PLACEHOLDER_NAME),
        ],
    )


def phones(number: Array, style: Array) -> pa.Array:
    """Returns mobile numbers 010-xxxx-xxxx; `style` is an index into `PHONE_STYLES`."""

    def parts(rows: Array, start: str, between: str) -> pa.Array:
        last = digits(number[rows], 4)
        return joined(start, between, digits(number[rows] // 10_000, 4), between, last)

    return written(
        style,
        [
            lambda rows: parts(rows, "010", "-"),
            lambda rows: parts(rows, "010", ""),
            lambda rows: parts(rows, "010", "."),
            lambda rows: parts(rows, "010", " "),
            lambda rows: parts(rows, "+82 10", "-"),
            lambda rows: parts(rows, "10", "-"),
            fixed(None),
        ],
    )


def mails(
    person: Array, first: Array, second: Array, gender: Array, version: Array, error: Array
) -> pa.Array:
    """Returns mail addresses, one for each version of each person.

    Args:
        person: index of the person; makes a number in the address that no two people share.
        first: as for `names`.
        second: as for `names`.
        gender: as for `names`.
        version: counts up when the person takes a new address.
        error: index into `MAIL_ERRORS`.
    """
    last, key = _second(second, gender), person.astype("int64") * 64 + version
    number = (person.astype("int64") * 7_368_787 + version.astype("int64") * 999_983) % 10_000_019
    domain = scattered(key, 11, len(_DOMAINS))

    def local(rows: Array) -> pa.Array:
        return joined(
            words([s[1].lower() for s in _FIRST], first[rows]),
            words([s[1].lower() for s in _SECOND], last[rows]),
            words(("", ".", "_"), version[rows] % 3),
            pa.array(number[rows]).cast(pa.string()),
        )

    return written(
        error,
        [
            lambda rows: joined(local(rows), "@", words(_DOMAINS, domain[rows])),
            lambda rows: joined(local(rows), "@", words(_MISTYPED, domain[rows])),
            lambda rows: joined(local(rows), "@", words(_DOMAINS, domain[rows]), "."),
            lambda rows: joined(local(rows), words(_DOMAINS, domain[rows])),
            fixed(PLACEHOLDER_MAIL),
            fixed(None),
        ],
    )
