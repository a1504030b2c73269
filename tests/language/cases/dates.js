//# Date: fields, text and arithmetic
//: covers Date, new Date(a - b)
const d = new Date("2024-02-29T12:34:56.789Z"), a = new Date(Date.UTC(2024, 0, 2)), b = new Date(Date.UTC(2024, 0, 1));
return [d.toISOString(), d.getTime(), d.getUTCDay(), d.getFullYear(), d.getMonth(), d.getHours(), a - b, new Date(a - b).toISOString(), new Date(a - b).getTime(), d.toJSON(), +d, typeof (d + 1)];
//# Date: texts it reads
return ["2024-01-05", "2024-01-05T10:00", "2024-01-05T10:00:00Z", "2024-01-05T10:00:00+02:00", "2024-01", "2024", "Jan 5, 2024", "5 January 2024 10:00 UTC", "2024/01/05", "Fri, 05 Jan 2024 10:00:00 GMT", "not a date", "2024-13-01", "2024-02-30T00:00:00Z", "+010000-01-01T00:00:00Z", "20240105"].map((t) => { const n = Date.parse(t); return Number.isNaN(n) ? "NaN" : n; });
//# Date: what overflows goes on
return [new Date(2024, 12, 1), new Date(2024, 0, 0), new Date(2024, 0, 1, 25), new Date(99, 0), new Date(2024, 1, 30), new Date(0, 0, 1).getFullYear(), new Date(8.64e15 + 1).getTime(), new Date(NaN).getTime()];
//# Date: setters
const d = new Date(0); d.setUTCFullYear(2024, 1, 29); d.setHours(5, 6, 7, 8); d.setDate(d.getDate() + 1); d.setMonth(d.getMonth() + 12);
return [d.toISOString(), d.setTime(5), d.setMinutes(90), d.toISOString()];
//# Date: texts it shows
const d = new Date("2024-01-05T15:04:09.007Z");
return [d.toString(), d.toDateString(), d.toTimeString(), d.toUTCString(), String(new Date(NaN)), JSON.stringify(new Date(NaN)), d.getTimezoneOffset(), d.valueOf()];
//# Date in the default locale
const d = new Date("2024-01-05T15:04:09.007Z");
return [d.toLocaleString(), d.toLocaleDateString(), d.toLocaleTimeString(), new Date(NaN).toLocaleString()];
//# Date.now and Date without new
return [typeof Date.now(), typeof Date(), Date.length, Math.abs(Date.now() - new Date().getTime()) < 1000];
//# weeks, quarters and ends of months as authors reckon them
const monday = (d) => { const c = new Date(d); c.setUTCDate(c.getUTCDate() - ((c.getUTCDay() + 6) % 7)); return c.toISOString().slice(0, 10); };
const d = new Date("2024-05-19T00:00:00Z");
return [monday(d), Math.floor(d.getUTCMonth() / 3) + 1, new Date(Date.UTC(2024, 2, 0)).getUTCDate(), new Date(d.getTime() - 7 * 24 * 60 * 60 * 1000).toISOString()];
