//# toLocaleString of numbers in many locales
//: covers Intl.NumberFormat, Number.toLocaleString
return ["en-US", "en-GB", "en-IN", "de-DE", "fr-FR", "es-ES", "it-IT", "pt-BR", "nl-NL", "sv-SE", "pl-PL", "ru-RU", "ja-JP", "zh-CN", "ko-KR", "tr-TR", "nb-NO"].map((l) => [(1234567.891).toLocaleString(l), (-1234.5).toLocaleString(l), (0).toLocaleString(l)]);
//# money in many locales
//: covers Intl.NumberFormat
return ["en-US", "en-GB", "en-CA", "de-DE", "fr-FR", "ja-JP", "pt-BR", "pl-PL", "en-IN"].map((l) => ["USD", "EUR", "JPY", "GBP", "CHF", "INR"].map((currency) => (-1234.5).toLocaleString(l, { style: "currency", currency })));
//# percent, compact, units and scientific notation
//: covers Intl.NumberFormat
const f = (l, o) => [0, 0.256, 1234.5, -1e6, 9.87e9].map((v) => new Intl.NumberFormat(l, o).format(v));
return ["en-US", "de", "es", "ja"].flatMap((l) => [{ style: "percent" }, { style: "percent", minimumFractionDigits: 1 }, { notation: "compact" }, { notation: "compact", compactDisplay: "long" }, { style: "unit", unit: "kilometer-per-hour" }, { style: "unit", unit: "liter", unitDisplay: "long" }, { notation: "scientific" }, { notation: "engineering" }].map((o) => f(l, o)));
//# digits: minimum, maximum, significant, rounding modes
//: covers Intl.NumberFormat
const V = [0, 1.005, 2.345, -2.345, 1234.5, 0.00012345, 99.995];
return [{ minimumFractionDigits: 2 }, { maximumFractionDigits: 0 }, { minimumFractionDigits: 2, maximumFractionDigits: 2 }, { maximumSignificantDigits: 3 }, { minimumSignificantDigits: 4 }, { minimumIntegerDigits: 3 }, { maximumFractionDigits: 1, roundingMode: "ceil" }, { maximumFractionDigits: 1, roundingMode: "halfEven" }, { maximumFractionDigits: 2, roundingMode: "trunc" }, { minimumFractionDigits: 2, maximumFractionDigits: 2, roundingIncrement: 25 }].map((o) => V.map((v) => v.toLocaleString("en-US", o)));
//# signs, grouping and special numbers
//: covers Intl.NumberFormat
const V = [1234, -1234, 0, -0, NaN, Infinity, -Infinity, 12345678901234567890n, "12345678901234567890.123"];
return [{}, { signDisplay: "always" }, { signDisplay: "exceptZero" }, { signDisplay: "never" }, { signDisplay: "negative" }, { useGrouping: false }, { useGrouping: "min2" }, { style: "currency", currency: "EUR", currencySign: "accounting" }, { style: "currency", currency: "EUR", currencyDisplay: "name" }, { style: "currency", currency: "CAD", currencyDisplay: "narrowSymbol" }, { style: "currency", currency: "CAD", currencyDisplay: "code" }].map((o) => V.map((v) => new Intl.NumberFormat("en-US", o).format(v)));
//# formatToParts and resolvedOptions of numbers
//: covers Intl.NumberFormat
const f = new Intl.NumberFormat("de-DE", { style: "currency", currency: "EUR" });
return [f.formatToParts(-1234.5), f.resolvedOptions(), new Intl.NumberFormat("en", { notation: "compact" }).formatToParts(12345), new Intl.NumberFormat().resolvedOptions(), Object.prototype.toString.call(f)];
//# a formatter's format is bound and NumberFormat needs no new
//: covers Intl.NumberFormat
return [[1, 1000].map(new Intl.NumberFormat("en").format), Intl.NumberFormat("de").format(1000.5), Intl.NumberFormat() instanceof Intl.NumberFormat, Intl.NumberFormat.supportedLocalesOf(["de-DE", "en"]), Intl.getCanonicalLocales(["EN-us", "de"])];
//# what a number format refuses
//: covers Intl.NumberFormat
const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } };
return [{ style: "money" }, { style: "currency" }, { style: "currency", currency: "EURO" }, { style: "unit" }, { minimumFractionDigits: 101 }, { maximumSignificantDigits: 0 }, { minimumFractionDigits: 3, maximumFractionDigits: 1 }, { notation: "short" }, { roundingMode: "up" }, { signDisplay: "yes" }].map((o) => name(() => new Intl.NumberFormat("en", o))).concat(name(() => new Intl.NumberFormat("en_US")), name(() => (1).toLocaleString("123")));
//# a locale that is not known here
//: differs locales that are not compared with Node are refused by name, Node falls back or knows them
try { return new Intl.NumberFormat("sw-KE").format(1234.5); } catch (e) { return [e.name, e.message.slice(0, 40)]; }
//# BigInt, arrays and typed arrays in a locale
//: covers BigInt.toLocaleString, Array.toLocaleString
return [(12345678901234567890n).toLocaleString("de"), [1234.5, null, new Date(0), "x"].toLocaleString("en-US"), new Float64Array([1234.5]).toLocaleString("de"), [1, [2, 3000]].toLocaleString(), [0.5].toLocaleString("en", { style: "percent" })];
