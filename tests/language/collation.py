# ruff: noqa: E501 - JavaScript is not wrapped as Python is
"""The order of characters, asked of Node: writes formats/intl_collation.json.

Run it as `python -m tests.language.collation` after an update of Node.
"""

import json
from pathlib import Path
from typing import Any

from analysis_sandbox import formats
from analysis_sandbox.formats.intl_collation import COLLATIONS
from tests.language.node import evaluate

FILE = Path(formats.__file__).with_name("intl_collation.json")

_ASK = r"""
const ranges = [
  [0x1, 0x24f], [0x2b0, 0x2ff], [0x370, 0x3ff], [0x400, 0x45f], [0x490, 0x4ff], [0x1e00, 0x1eff],
  [0x2000, 0x206f], [0x20a0, 0x20c0], [0x2190, 0x22ff], [0x2500, 0x27bf], [0x1f300, 0x1f6ff],
  [0x1f900, 0x1f9ff],
];
const marks = [];
for (let point = 0x300; point <= 0x36f; point++) {
  const mark = String.fromCodePoint(point);
  if (mark.normalize("NFD") === mark && /\p{M}/u.test(mark)) marks.push(mark);
}
const collations = {};
for (const locale of LOCALES) {
  const collator = (options) => new Intl.Collator(locale, { usage: "sort", ...options });
  const base = collator({ sensitivity: "base" });
  const accent = collator({ sensitivity: "accent" });
  const variant = collator({ sensitivity: "variant" });
  const skipping = collator({ ignorePunctuation: true });
  const known = [];
  const ignored = [];
  for (const [from, to] of ranges) {
    for (let point = from; point <= to; point++) {
      const one = String.fromCodePoint(point);
      if (/\p{Cn}|\p{M}/u.test(one)) continue;
      if (variant.compare(`a${one}b`, "ab") === 0) { ignored.push(one); continue; }
      const bare = one.normalize("NFD");
      // What is only a letter with marks is read as such.
      if (bare !== one && base.compare(one, [...bare][0]) === 0) continue;
      if (bare === one && one.normalize("NFKD") !== one) continue;
      known.push(one);
    }
  }
  // A character of several elements comes apart into those that it is equal to.
  const expansions = {};
  const pairs = { "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE" };
  const single = [];
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  for (const one of known) {
    if (one in pairs && base.compare(one, pairs[one]) === 0) continue;
    const letter = letters.find((other) => base.compare(one, other) === 0);
    if (letter === undefined || accent.compare(one, letter) === 0) { single.push(one); continue; }
    const forms = [letter, letter.toUpperCase()];
    for (const form of forms) {
      const mark = marks.find((other) => variant.compare(one, form + other) === 0);
      if (mark !== undefined) expansions[one] = form + mark;
    }
  }
  single.sort((a, b) => base.compare(a, b) || variant.compare(a, b) || (a < b ? -1 : 1));
  const groups = [];
  for (const one of single) {
    const group = groups.at(-1);
    if (group !== undefined && base.compare(group[0], one) === 0) {
      const isNext = group.length === 1 && accent.compare(group[0], one) === 0 && variant.compare(group[0], one) < 0;
      if (isNext) group.push(one);
    } else {
      groups.push([one]);
    }
  }
  const order = [...marks].sort((a, b) => variant.compare(`a${a}`, `a${b}`));
  const levels = [];
  for (const mark of order) {
    if (accent.compare(`a${mark}`, "a") === 0) { ignored.push(mark); continue; }
    const last = levels.at(-1);
    if (last !== undefined && accent.compare(`a${last[0]}`, `a${mark}`) === 0) continue;
    levels.push([mark]);
  }
  // Between the two letters of "ß" stands a mark of its own that tells it from them.
  for (const [one, [first, second]] of Object.entries(pairs)) {
    if (base.compare(one, first + second) !== 0) continue;
    const at = levels.findIndex(([mark]) => accent.compare(first + mark + second, one) > 0);
    const own = String.fromCharCode(0xe100 + one.toLowerCase().charCodeAt(0));
    if (!levels.some(([mark]) => mark === own)) levels.splice(at < 0 ? levels.length : at, 0, [own]);
    expansions[one] = first + own + second;
  }
  const isVariable = (one) => skipping.compare(`a${one}b`, "ab") === 0;
  const numbers = groups.findIndex((group) => group[0] === "0");
  collations[locale] = {
    groups: groups.map((group) => group.join("")),
    marks: levels.map((level) => level[0]).join(""),
    ignored: ignored.join(""),
    variable: groups.flat().filter(isVariable).join(""),
    digit: numbers,
    expansions,
  };
}
return collations;
"""


def collation() -> dict[str, Any]:
    """Return the tables as they have to be stored."""
    return evaluate(f"const LOCALES = {json.dumps(COLLATIONS)}; {_ASK}")


def as_text(stored: dict[str, Any]) -> str:
    """Return the text of the file."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(table, ensure_ascii=False)}"
        for name, table in stored.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(as_text(collation()), encoding="utf-8")
