//# strings: the methods
const s = "Hello, World";
return [s.at(-1), s.slice(-5, -1), s.substring(5, 2), s.split(", "), s.padEnd(14, "*"), s.padStart(15), s.repeat(2).length, s.indexOf("o", 5), s.lastIndexOf("o"), s.startsWith("World", 7), s.endsWith("Hello", 5), s.includes("lo,"), s.toUpperCase(), s.charCodeAt(1), s.codePointAt(0), s.concat(1, null), "  x ".trim() + "|", " x".trimEnd(), s.substr(-5, 3)];
//# replace with a pattern, a function and groups
//: covers regex replace
return ["a-b-c".replace(/-/g, "+"), "a.b".replaceAll(".", ""), "John Smith".replace(/(\w+)\s(\w+)/, "$2, $1"), "2024-01-05".replace(/(?<y>\d+)-(?<m>\d+)-(?<d>\d+)/, "$<d>.$<m>.$<y>"), "abc".replace(/b/, (m, at, all) => `[${m}${at}${all}]`), "price 5".replace(/\d+/, (n) => n * 2), "x".replace("x", "$&$&$$"), "aaa".replace("a", "b")];
//# regular expressions: flags and lookaround
return ["aBc".match(/b/i)?.index, "a\nb".match(/^b/m)?.[0], "a\nb".match(/a.b/s)?.[0], "😀x".match(/^.x/u)?.[0], "price: 42€".match(/(?<=: )\d+(?=€)/)?.[0], "foobar".match(/(?<!o)bar/), /\p{Lu}/u.test("É"), /^\p{Script=Greek}+$/u.test("αβγ"), [..."a1b22".matchAll(/\d+/g)].map((m) => [m[0], m.index]), /[\p{L}--[a-z]]/v.test("a"), "ab".split(/(?:)/), "a1b2".split(/(\d)/)];
//# regular expressions: state, groups and indices
const r = /(\d+)-(?<n>\w+)?/gd; const m = r.exec("x 12-ab 3-");
return [m[0], m.groups.n, m.indices[1], m.indices.groups.n, r.lastIndex, r.flags, r.source, /a/y.test("ba"), "x".search(/y/), RegExp("a+", "g").test("caat"), /\//.source];
//# text beyond ASCII
return ["é".normalize("NFD").length, "e\u0301".normalize() === "é", "ß".toUpperCase(), "İ".toLowerCase().length, [..."👩‍👩‍👧"].length, "😀".length, "😀".codePointAt(0), String.fromCodePoint(128512), "\u{1F600}" === "😀", "a\ud800".isWellFormed(), "a\ud800".toWellFormed().charCodeAt(1), "ΑΣ".toLowerCase()];
//# String.raw and escapes
return [String.raw`a\n${1}`, "\x41\u0042\u{43}\t\0".length, "a\
b", '"' + "'", "\u2028".length];
//# comparison of texts
return ["a" < "b", "B" < "a", "10" < "9", 10 < "9", "a".localeCompare("b"), ["ä", "a", "z"].sort(), ["ä", "a", "z"].sort((x, y) => x.localeCompare(y))];
//# numbers from text in many forms
return ["1,234.50", "€ 12", "12%", " 7 ", "", "0b11", "1_000"].map((t) => [Number(t), parseFloat(t)]);
