"""Passwords such as people and their guessers make, the same in every run."""

import random
import unicodedata

from zxcvbn.frequency_lists import FREQUENCY_LISTS

MOST = 72
LISTS = {name: words if isinstance(words, list) else words.split(",") for name, words in FREQUENCY_LISTS.items()}
WORDS = [word for words in LISTS.values() for word in words]
SIGNS = {"a": "4@", "b": "8", "c": "({[<", "e": "3", "g": "69", "i": "1!|", "l": "1|7", "o": "0", "s": "$5", "t": "+7", "x": "%", "z": "2"}
# Rows of QWERTY, plain and shifted, of both keypads and of Dvorak.
ROWS = ["`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./", "~!@#$%^&*()_+", "QWERTYUIOP{}|", 'ASDFGHJKL:"', "ZXCVBNM<>?",
        "/*-", "789+", "456", "123", "0.", "=/*", "aoeuidhtns-", "',.pyfgcrl/=", ";qjkxbmwvz", "AOEUIDHTNS_", '"<>PYFGCRL?+']
# Letters whose case and form no two programs see differently; no digits but ASCII's, which have a test of their own.
FOREIGN = ("äöüßéèñçøåłŁżŻÄÖÜÉğĞşŞабвгджзийАБВГДЖЗαβγδεζΑΒΓΔΕאבגדابتث日本語中文パスワード한국어กขค"
           "🙂🎉🚀👩\u200d💻🇩🇪\u0301\u0308\u200d€§°«»¿")


class Maker:
    """One seed's passwords."""

    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def make(self, kind: str) -> str:
        """At least one character, at most 72, in the form that a server would hash; no end of a line."""
        while True:
            made = unicodedata.normalize("NFKC", getattr(self, kind)())[:MOST]
            if made:
                return made

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def word(self) -> str:
        return self.random.choice(LISTS[self.random.choice(list(LISTS))])

    # Kinds.

    def listed(self) -> str:
        return self.word()

    def capitals(self) -> str:
        word = self.word()
        return self.random.choice([word.capitalize(), word.upper(), word[:-1] + word[-1:].upper(),
                                   "".join(letter.upper() if self.chance(0.4) else letter for letter in word)])

    def signs(self, word: str | None = None) -> str:
        # Mostly one sign for a letter, as people do; at times any.
        fixed = {letter: self.random.choice(signs) for letter, signs in SIGNS.items()}
        any_sign = self.chance(0.3)
        return "".join((self.random.choice(SIGNS[letter]) if any_sign else fixed[letter]) if letter in SIGNS and self.chance(0.6) else letter
                       for letter in word or self.word())

    def mutated(self) -> str:
        """A word with a few things done to it, one after the other."""
        word = self.word()
        for _ in range(self.random.randrange(1, 4)):
            place = self.random.randrange(len(word) + 1)
            word = self.random.choice([
                lambda: word[::-1], lambda: word.capitalize(), lambda: self.signs(word), lambda: word + str(self.random.randrange(1000)),
                lambda: str(self.random.randrange(100)) + word, lambda: word + self.random.choice("!.?$#*_-"),
                lambda: word[:place] + self.random.choice("aeioux17!@ ") + word[place:], lambda: word[:place] + word[place + 1:],
                lambda: word + str(self.random.randrange(1900, 2030)), lambda: word + word,
            ])() or "a"
        return word

    def foreign(self) -> str:
        parts = [self.random.choice([
            lambda: "".join(self.random.choice(FOREIGN) for _ in range(self.random.randrange(1, 9))), self.word, self.capitals, self.dates,
            lambda: self.random.choice(FOREIGN) * self.random.randrange(2, 6),
            lambda: "".join(chr(self.random.choice([0x430, 0x3B1, 0x5D0, 0x4E00]) + step) for step in range(self.random.randrange(2, 6))),
        ])() for _ in range(self.random.randrange(1, 4))]
        return "".join(parts)

    def dates(self) -> str:
        year, month, day = self.random.randrange(1940, 2052), self.random.randrange(1, 14), self.random.randrange(1, 33)
        form = self.random.choice([
            "{d}{s}{m}{s}{y}", "{y}{s}{m}{s}{d}", "{d:02}{s}{m:02}{s}{c:02}", "{m}{s}{d}{s}{c}", "{y}{s}{m:02}{s}{d:02}", "{y}", "{c:02}{s}{d}{s}{m}",
            "{d:02}{s}{m:02}{s}{y}", "{d}{s}{m}{t}{y}", "{y}{d}", "{y}{y}",
        ])
        return form.format(y=year, m=month, d=day, c=year % 100, s=self.random.choice(["", "", "-", "/", ".", " ", "_", "\\", ",", "\t"]),
                           t=self.random.choice("./"))

    def keys(self) -> str:
        """A walk along rows of keys, which turns back and changes rows at times."""
        row, step, walk = self.random.choice(ROWS), self.random.choice([1, -1]), ""
        place = self.random.randrange(len(row))
        for _ in range(self.random.randrange(3, 12)):
            if 0 <= place < len(row):
                walk += row[place]
            place += step
            step = -step if self.chance(0.2) else step
            row = self.random.choice(ROWS) if self.chance(0.15) else row
        return walk or "qwe"

    def repeats(self) -> str:
        unit = self.random.choice([
            lambda: self.random.choice("abcxyzABC0189!ж語"), lambda: self.word()[:4], self.word, lambda: self.random.choice("ab") * 2 + "b",
            lambda: self.signs()[:5], self.keys, lambda: self.repeats() + "x",
        ])()
        return (unit * self.random.randrange(2, 6))[:MOST - self.random.randrange(3)] + self.random.choice(["", "", "a", unit[:1], "7!"])

    def runs(self) -> str:
        def run() -> str:
            first, step = self.random.randrange(33, 127), self.random.choice([1, -1, 2, -2, 3, 4, -5, 5, 6])
            return "".join(chr(point) for point in (first + step * index for index in range(self.random.randrange(2, 8))) if 32 < point < 127)
        return "".join(run() for _ in range(self.random.randrange(1, 4)))

    def noise(self) -> str:
        return "".join(chr(self.random.randrange(32, 127)) for _ in range(self.random.choice([1, 2, 4, 8, 12, 20, 40, 72])))

    def mixed(self) -> str:
        kinds = [self.listed, self.capitals, self.signs, self.mutated, self.dates, self.keys, self.repeats, self.runs, self.noise]
        parts = [self.random.choice(kinds)()[:20] for _ in range(self.random.randrange(2, 5))]
        return self.random.choice(["", "", "-", " ", ".", "_"]).join(parts)

    def about(self, words: list[str]) -> str:
        """Made of what is known of somebody."""
        word = self.random.choice(words)
        # One for one, and back again: else the word would be another.
        swapped = [letter.upper() if letter.upper().lower() == letter else letter for letter in word]
        word = self.random.choice([
            word, word[::-1], "".join(swapped), "".join(self.random.choice(pair) for pair in zip(word, swapped)), self.signs(word), word + word,
        ])
        made = self.random.choice([word, word, word + self.mutated(), self.word() + word, word + self.dates(), self.keys() + word])
        return unicodedata.normalize("NFKC", made)[:MOST]
