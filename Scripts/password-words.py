#!/usr/bin/env python3
"""Writes Sources/CPasswordWords/words.bin from the word lists of the PyPI package zxcvbn (MIT, see NOTICE).

Run with `.venv/bin/python Scripts/password-words.py`. The same input gives the same bytes.

The file is read in place, little-endian, each section at a multiple of 8 bytes:

    "PWORDS1\\0"                       8 bytes
    nodes, words, ranges, lists        4 x u32
    size of each list                  lists x u32, in the order of the lists
    degrees     bits   of each node, level by level: as many ones as it has children, then a zero (LOUDS)
    ends        bits   one for each node: a word ends here
    places      17 bits for each node that ends a word, packed: its place in all lists set one behind the other
    capitals    ranges x (first u32, last u32, step u32, distance i32): code points and how far their lower case is away
    labels      bytes  one for each node but the root: the character that leads there
"""

import pathlib
import struct
import sys
from importlib.metadata import version

from zxcvbn.frequency_lists import FREQUENCY_LISTS

ORDER = ["passwords", "english_wikipedia", "female_names", "surnames", "us_tv_and_film", "male_names"]
PLACE_BITS = 17


def levels(words):
    """Degrees, ends and labels of the trie of sorted words, level by level."""
    degrees, ends, labels, owners = [], [], [], []
    level = [(0, len(words), 0)]
    while level:
        below = []
        for first, last, depth in level:
            ends.append(len(words[first]) == depth)
            if ends[-1]:
                owners.append(words[first])
                first += 1
            degree = 0
            while first < last:
                label = words[first][depth]
                end = first
                while end < last and words[end][depth] == label:
                    end += 1
                labels.append(ord(label))
                below.append((first, end, depth + 1))
                degree += 1
                first = end
            degrees.append(degree)
        level = below
    return degrees, ends, labels, owners


def bits(values):
    number = 0
    packed = bytearray()
    count = 0
    for value, width in values:
        number |= value << count
        count += width
        while count >= 8:
            packed.append(number & 255)
            number >>= 8
            count -= 8
    if count:
        packed.append(number)
    return bytes(packed)


def capitals():
    """Every code point with a lower case of one code point, as runs of equal distance and step."""
    runs = []
    for point in range(0x80, 0x110000):
        lower = chr(point).lower()
        if len(lower) != 1 or ord(lower) == point:
            continue
        distance = ord(lower) - point
        if runs:
            first, last, step, known = runs[-1]
            gap = point - last
            if known == distance and gap <= 2 and (step in (0, gap)):
                runs[-1] = (first, point, gap, known)
                continue
        runs.append((point, point, 0, distance))
    return [(first, last, step or 1, distance) for first, last, step, distance in runs]


def padded(section):
    return section + bytes(-len(section) % 8)


def main():
    place = {}
    sizes = []
    for name in ORDER:
        words = FREQUENCY_LISTS[name]
        words = words if isinstance(words, list) else words.split(",")
        sizes.append(len(words))
        for word in words:
            if not word.isascii() or word in place:
                sys.exit(f"{name} holds {word!r}: not ASCII, or in two lists. The form needs another thought.")
            place[word] = len(place)
    if set(ORDER) != set(FREQUENCY_LISTS):
        sys.exit(f"zxcvbn has other lists now: {sorted(FREQUENCY_LISTS)}")
    degrees, ends, labels, owners = levels(sorted(place))
    ranges = capitals()
    content = b"PWORDS1\0" + struct.pack("<4I", len(degrees), len(place), len(ranges), len(sizes))
    content = padded(content + struct.pack(f"<{len(sizes)}I", *sizes))
    content += padded(bits((1, 1) if one else (0, 1) for degree in degrees for one in [1] * degree + [0]))
    content += padded(bits((int(end), 1) for end in ends))
    # Eight more bytes, so that the last place can be read as eight.
    content += padded(bits((place[word], PLACE_BITS) for word in owners) + bytes(8))
    content += padded(b"".join(struct.pack("<3Ii", *run) for run in ranges))
    content += padded(bytes(labels))
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Sources/CPasswordWords/words.bin")
    target.write_bytes(content)
    print(f"{target}: {len(place)} words of zxcvbn {version('zxcvbn')}, {len(degrees)} nodes, {len(ranges)} runs of capitals, {len(content)} bytes")


main()
