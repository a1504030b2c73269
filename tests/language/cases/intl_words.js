//# plural forms, cardinal and ordinal
//: covers Intl.PluralRules
return ["en", "de", "fr", "ru", "pl", "cs", "ja", "lt", "sl"].flatMap((l) => ["cardinal", "ordinal"].map((type) => [0, 1, 2, 3, 5, 11, 21, 22, 100, 1.5, 1e6].map((n) => new Intl.PluralRules(l, { type }).select(n)).join(" ")));
//# plural forms count the digits that are shown
//: covers Intl.PluralRules
return [new Intl.PluralRules("en", { minimumFractionDigits: 1 }).select(1), new Intl.PluralRules("en").select("1"), new Intl.PluralRules("en").resolvedOptions()];
//# lists
//: covers Intl.ListFormat
return ["en-US", "en-GB", "de", "es", "zh-CN"].flatMap((l) => ["conjunction", "disjunction", "unit"].map((type) => [["a"], ["a", "b"], ["a", "b", "c"], ["a", "i", "oso"]].map((x) => new Intl.ListFormat(l, { type }).format(x))));
//# lists: parts and refusals
//: covers Intl.ListFormat
const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } };
return [new Intl.ListFormat("en").formatToParts(["x", "y"]), new Intl.ListFormat("en", { style: "narrow", type: "unit" }).format(["x", "y"]), name(() => new Intl.ListFormat("en").format([1])), name(() => new Intl.ListFormat("en", { type: "and" })), new Intl.ListFormat("en").format([])];
//# relative times
//: covers Intl.RelativeTimeFormat
return ["en-US", "de", "fr", "es", "pl"].flatMap((l) => ["always", "auto"].map((numeric) => [[-1, "day"], [1, "day"], [0, "day"], [-3, "months"], [2.5, "hours"], [10, "seconds"], [-1, "year"], [1, "week"]].map(([v, u]) => new Intl.RelativeTimeFormat(l, { numeric }).format(v, u))));
//# relative times: parts, styles and refusals
//: covers Intl.RelativeTimeFormat
const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } }; const f = new Intl.RelativeTimeFormat("en", { style: "short" });
return [f.formatToParts(-1234, "day"), f.format(3, "month"), name(() => f.format(1, "decade")), name(() => f.format(Infinity, "day")), f.resolvedOptions()];
//# the order of words
//: covers Intl.Collator, String.localeCompare
const w = ["résumé", "Resume", "resume", "Résumé", "zebra", "Äpfel", "apple", "Zoo", "item 10", "item 9", "über", "co-op", "coop", "_x", "1", "a b", "ab", ""];
return [[...w].sort(new Intl.Collator().compare), [...w].sort((a, b) => a.localeCompare(b, "de")), [...w].sort(new Intl.Collator("sv").compare), [...w].sort(new Intl.Collator("en", { numeric: true }).compare), [...w].sort((a, b) => a.localeCompare(b, undefined, { sensitivity: "base" }))];
//# the order of letters that languages put elsewhere
//: covers Intl.Collator
return ["es", "sv", "fi", "pl", "tr", "de"].map((l) => ["ñu", "nz", "oa", "ä", "z", "ö", "a", "ł", "l", "ı", "i", "ç", "c", "å"].sort(new Intl.Collator(l).compare).join(" "));
//# sensitivity, case first and punctuation
//: covers Intl.Collator
const c = (o) => { const f = new Intl.Collator("en", o).compare; return [f("a", "á"), f("a", "A"), f("a", "b"), f("a-b", "ab"), f("ß", "ss"), f("2", "10")]; };
return [{}, { sensitivity: "base" }, { sensitivity: "accent" }, { sensitivity: "case" }, { caseFirst: "upper" }, { ignorePunctuation: true }, { numeric: true }].map(c).concat([new Intl.Collator("en", { numeric: true }).resolvedOptions()]);
//# emoji and symbols have their order
//: covers Intl.Collator
return ["😀", "→", "★", "a", "€", "$", "5", "é", "Ω", "я"].sort(new Intl.Collator("en").compare);
//# texts in scripts whose order is not known here
//: differs Node knows the order of Chinese characters, here it is refused rather than guessed
try { return "中".localeCompare("文"); } catch (e) { return e.name; }
//# upper and lower case of languages
//: covers String.toLocaleUpperCase, String.toLocaleLowerCase
return ["i".toLocaleUpperCase("tr"), "Iİ".toLocaleLowerCase("tr"), "straße".toLocaleUpperCase("de"), "ÀÉ".toLocaleLowerCase(), "abc".toLocaleUpperCase(), "istanbul".toLocaleUpperCase("en-US")];
//# Greek capitals lose their accents
//: differs refused rather than wrong
try { return "άλφα".toLocaleUpperCase("el"); } catch (e) { return e.name; }
