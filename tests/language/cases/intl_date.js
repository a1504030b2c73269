//# dates in the styles of many locales
//: covers Intl.DateTimeFormat, Date.toLocaleString
const d = new Date("2024-03-05T15:04:09.007Z");
return ["en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "it-IT", "pt-BR", "nl-NL", "pl-PL", "ru-RU", "ja-JP", "zh-CN", "ko-KR", "sv-SE"].map((l) => [d.toLocaleString(l), d.toLocaleDateString(l), d.toLocaleTimeString(l), ...["full", "long", "medium", "short"].map((dateStyle) => d.toLocaleString(l, { dateStyle })), d.toLocaleString(l, { dateStyle: "long", timeStyle: "short" })]);
//# dates by fields
//: covers Intl.DateTimeFormat
const d = new Date("2024-03-05T15:04:09.007Z"); const O = [{ year: "numeric", month: "short", day: "numeric" }, { year: "numeric", month: "long" }, { weekday: "long" }, { weekday: "short", month: "short", day: "numeric" }, { month: "2-digit", day: "2-digit", year: "numeric" }, { month: "long" }, { year: "2-digit", month: "numeric" }, { weekday: "long", year: "numeric", month: "long", day: "numeric" }];
return ["en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "ja-JP"].map((l) => O.map((o) => new Intl.DateTimeFormat(l, o).format(d)));
//# times by fields and hour cycles
//: covers Intl.DateTimeFormat
const d = [0, 12.5, 23.99].map((h) => new Date(h * 3600e3)); const O = [{ hour: "numeric" }, { hour: "2-digit", minute: "2-digit" }, { hour: "numeric", minute: "numeric", second: "numeric" }, { hour: "numeric", hour12: false }, { hour: "numeric", minute: "2-digit", hour12: true }, { hour: "numeric", hourCycle: "h23" }, { minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }, { timeStyle: "short" }, { timeStyle: "medium", hour12: false }];
return ["en-US", "fr-FR"].map((l) => O.map((o) => d.map((x) => new Intl.DateTimeFormat(l, o).format(x))));
//# dates in other zones, summer and winter
//: covers Intl.DateTimeFormat
return ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "UTC", "+05:30", "America/St_Johns"].flatMap((timeZone) => [Date.UTC(2024, 0, 15, 12), Date.UTC(2024, 6, 15, 12), Date.UTC(2024, 2, 31, 1)].map((t) => new Date(t).toLocaleString("en-US", { timeZone, dateStyle: "short", timeStyle: "short" })));
//# names and offsets of zones
//: covers Intl.DateTimeFormat
return ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC"].flatMap((timeZone) => ["short", "long", "shortOffset", "longOffset"].map((timeZoneName) => { if (timeZone === "Asia/Kolkata" && !timeZoneName.endsWith("Offset")) return ""; return new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName, hour: "numeric" }).format(Date.UTC(2024, 6, 15, 12)); }));
//# formatToParts and resolvedOptions of dates
//: covers Intl.DateTimeFormat
const f = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Berlin" });
return [f.formatToParts(new Date(0)), f.resolvedOptions(), new Intl.DateTimeFormat().resolvedOptions(), new Intl.DateTimeFormat("de", { hour: "numeric", minute: "2-digit" }).resolvedOptions(), Object.prototype.toString.call(f)];
//# toLocaleDateString and toLocaleTimeString with options
//: covers Date.toLocaleDateString, Date.toLocaleTimeString
const d = new Date("2024-03-05T15:04:09Z");
return [d.toLocaleDateString("en-US", { month: "long" }), d.toLocaleDateString(undefined, { weekday: "short" }), d.toLocaleTimeString("en-US", { hour: "2-digit", minute: "2-digit" }), d.toLocaleTimeString("de-DE"), d.toLocaleDateString("en-US", { hour: "numeric" }), d.toLocaleString("en-US", { timeZone: "America/New_York" }), d.toLocaleDateString("sv-SE")];
//# years before Christ and far away
//: covers Intl.DateTimeFormat
return [new Date(Date.UTC(-1, 0, 1)), new Date(Date.UTC(987, 5, 6)), new Date(8.64e15)].map((d) => [d.toLocaleDateString("en-US"), d.toLocaleDateString("en-US", { era: "short", year: "numeric" })]);
//# what a date format refuses
//: covers Intl.DateTimeFormat
const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } };
return [{ dateStyle: "huge" }, { dateStyle: "short", year: "numeric" }, { timeZone: "Mars/Phobos" }, { hourCycle: "h25" }, { month: "big" }, { fractionalSecondDigits: 4 }].map((o) => name(() => new Intl.DateTimeFormat("en", o))).concat(name(() => new Intl.DateTimeFormat("en").format(NaN)), name(() => new Date().toLocaleDateString("en", { timeStyle: "short" })));
//# parts of the day in words
//: differs they are refused, for they are not compared with Node
try { return new Intl.DateTimeFormat("en", { dayPeriod: "long", hour: "numeric" }).format(0); } catch (e) { return [e.name, e.message]; }
//# another calendar
//: differs only the Gregorian one is known
try { return new Intl.DateTimeFormat("en", { calendar: "buddhist", year: "numeric" }).format(0); } catch (e) { return e.name; }
//# ranges
//: differs they are refused: both ends can be formatted
try { return new Intl.DateTimeFormat("en").formatRange(0, 1e9); } catch (e) { return e.name; }
