// Intl.DateTimeFormat.
(function (runtime) {
  "use strict";

  const DateConstructor = Date;
  const NumberConstructor = Number;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const { now } = Date;
  const { abs, floor, trunc } = Math;
  const { uncurry } = runtime;
  const { absent, data, publish } = runtime.intl;
  const { FIELDS, WORDS, cycleOf, readDateOptions, skeletonOf } = runtime.dateOptions;
  const { offsetAt, zoneText } = runtime.zones;
  const exec = uncurry(RegExp.prototype.exec);
  const getTime = uncurry(Date.prototype.getTime);
  const padStart = uncurry(String.prototype.padStart);
  const push = uncurry(Array.prototype.push);
  const replaceAll = uncurry(String.prototype.replaceAll);
  const slice = uncurry(String.prototype.slice);
  const part = (name) => uncurry(Date.prototype[`getUTC${name}`]);
  const [yearOf, monthOf, dayOf, weekdayOf] = ["FullYear", "Month", "Date", "Day"].map(part);
  const [hourOf, minuteOf, secondOf, millisecondOf] = [
    "Hours",
    "Minutes",
    "Seconds",
    "Milliseconds",
  ].map(part);

  const TYPES = {
    __proto__: null,
    G: "era",
    y: "year",
    M: "month",
    L: "month",
    d: "day",
    E: "weekday",
    c: "weekday",
    a: "dayPeriod",
    h: "hour",
    H: "hour",
    K: "hour",
    k: "hour",
    m: "minute",
    s: "second",
    S: "fractionalSecond",
    z: "timeZoneName",
    O: "timeZoneName",
  };

  /** Return the pattern as items: literal texts, and fields. */
  function compile(pattern) {
    const found = [];
    let rest = pattern;
    let literal = "";
    while (rest !== "") {
      const [item] = exec(/^(?:'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z'])/, rest);
      rest = slice(rest, item.length);
      if (exec(/^[A-Za-z]/, item) === null) {
        literal += item[0] === "'" ? replaceAll(slice(item, 1, -1) || "'", "''", "'") : item;
        continue;
      }
      if (TYPES[item[0]] === undefined) {
        throw new RangeErrorConstructor(`The pattern '${pattern}' has a field not known here`);
      }
      if (literal !== "") push(found, { literal });
      literal = "";
      push(found, { literal: "", field: item, letter: item[0], type: TYPES[item[0]] });
    }
    if (literal !== "") push(found, { literal });
    return found;
  }

  // As V8 does, but not in parts: it spares programs a space they do not expect.
  function spaced(text) {
    return replaceAll(text, "\u202f", " ");
  }

  function padded(number, field) {
    return padStart(StringConstructor(number), field.length, "0");
  }

  class DateTimeFormat {
    #options;
    #facts;
    #items;
    #bound = null;

    constructor(locales, options, required = "any", defaults = "date") {
      this.#options = readDateOptions(locales, options, required, defaults);
      const { fields, locale, styles } = this.#options;
      const hourCycle = cycleOf(this.#options);
      const hasStyle = styles.dateStyle !== undefined || styles.timeStyle !== undefined;
      const request = hasStyle
        ? { ...styles, hourCycle }
        : { skeleton: skeletonOf(fields), hourCycle };
      if (fields.dayPeriod !== undefined || exec(/v/, request.skeleton ?? "") !== null) {
        const name = fields.dayPeriod === undefined ? "timeZoneName" : "dayPeriod";
        throw new RangeErrorConstructor(
          `Intl.DateTimeFormat does not know ${name} '${fields[name]}' here`,
        );
      }
      this.#facts = data("intl.dateTime", locale, request);
      this.#items = compile(this.#facts.pattern);
    }

    get format() {
      this.#bound ??= (date) => {
        const values = this.#values(date);
        let text = "";
        for (let i = 0; i < values.length; i++) text += values[i];
        return spaced(text);
      };
      return this.#bound;
    }

    formatToParts(date) {
      const values = this.#values(date);
      const parts = [];
      for (let i = 0; i < values.length; i++) {
        const { literal, type } = this.#items[i];
        push(parts, { type: literal === "" ? type : "literal", value: values[i] });
      }
      return parts;
    }

    #values(date) {
      const milliseconds = date === undefined ? now() : timeOf(date);
      const offset = offsetAt(this.#options.zone, milliseconds)[1];
      const local = new DateConstructor(milliseconds + offset * 1000);
      const values = [];
      for (let i = 0; i < this.#items.length; i++) {
        const { field, letter, literal } = this.#items[i];
        push(values, literal === "" ? this.#show(field, letter, local, milliseconds) : literal);
      }
      return values;
    }

    #show(field, letter, local, milliseconds) {
      const { names } = this.#facts;
      switch (letter) {
        case "y": {
          const year = yearOf(local);
          const shown = year > 0 ? year : 1 - year;
          return field.length === 2 ? padded(shown % 100, field) : padded(shown, field);
        }
        case "M":
        case "L":
          return names[field]?.[monthOf(local)] ?? padded(monthOf(local) + 1, field);
        case "d":
          return padded(dayOf(local), field);
        case "E":
        case "c":
          // The names begin with Monday.
          return names[field][(weekdayOf(local) + 6) % 7];
        case "a":
          return names[field][hourOf(local) < 12 ? 0 : 1];
        case "G":
          return names[field][yearOf(local) > 0 ? 1 : 0];
        case "h":
          return padded(hourOf(local) % 12 || 12, field);
        case "H":
          return padded(hourOf(local), field);
        case "K":
          return padded(hourOf(local) % 12, field);
        case "k":
          return padded(hourOf(local) || 24, field);
        case "m":
          return padded(minuteOf(local), field);
        case "s":
          return padded(secondOf(local), field);
        case "S":
          return slice(padStart(StringConstructor(millisecondOf(local)), 3, "0"), 0, field.length);
        default: {
          const facts = { locale: this.#options.locale, gmtPatterns: this.#facts.gmt };
          return zoneText(this.#options.zone, field, milliseconds, facts);
        }
      }
    }

    resolvedOptions() {
      const { locale, styles, zone } = this.#options;
      const resolved = {
        locale,
        calendar: "gregory",
        numberingSystem: "latn",
        timeZone: zone.name,
      };
      const shown = {};
      for (const { field, letter, type } of this.#items) {
        if (type === undefined) continue;
        if (type === "hour") {
          resolved.hourCycle = { K: "h11", h: "h12", H: "h23", k: "h24" }[letter];
          resolved.hour12 = letter === "K" || letter === "h";
        }
        shown[type] = field.length;
      }
      if (styles.dateStyle !== undefined) resolved.dateStyle = styles.dateStyle;
      if (styles.timeStyle !== undefined) resolved.timeStyle = styles.timeStyle;
      if (styles.dateStyle !== undefined || styles.timeStyle !== undefined) return resolved;
      for (const [name, values] of FIELDS) {
        if (shown[name] === undefined || name === "dayPeriod") continue;
        const widths = { 1: "numeric", 2: "2-digit", 3: "short", 4: "long", 5: "narrow" };
        const isWord = values === WORDS && shown[name] < 3;
        resolved[name] = isWord ? "short" : widths[shown[name]];
      }
      if (shown.fractionalSecond) resolved.fractionalSecondDigits = shown.fractionalSecond;
      const { timeZoneName } = this.#options.fields;
      if (timeZoneName !== undefined) resolved.timeZoneName = timeZoneName;
      return resolved;
    }
  }

  function timeOf(date) {
    const value = date instanceof DateConstructor ? getTime(date) : NumberConstructor(date);
    if (abs(value) <= 8.64e15) return trunc(value) + 0;
    throw new RangeErrorConstructor("Invalid time value");
  }

  absent(DateTimeFormat, ["formatRange", "formatRangeToParts"], "format both ends");
  publish(DateTimeFormat, true);
  Object.assign(runtime, { DateTimeFormat });
});
