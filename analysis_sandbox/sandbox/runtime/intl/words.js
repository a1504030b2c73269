// Intl.PluralRules, Intl.ListFormat and Intl.RelativeTimeFormat.
(function (runtime) {
  "use strict";

  const NumberConstructor = Number;
  const RangeErrorConstructor = RangeError;
  const TypeErrorConstructor = TypeError;
  const { abs } = Math;
  const { uncurry } = runtime;
  const { absent, data, localeOf, matcher, numbering, publish, reader } = runtime.intl;
  const { decompose, pluralOf, readRounding, round } = runtime.digits;
  const { NumberFormat } = globalThis.Intl;
  const exec = uncurry(RegExp.prototype.exec);
  const includes = uncurry(Array.prototype.includes);
  const indexOf = uncurry(String.prototype.indexOf);
  const push = uncurry(Array.prototype.push);
  const slice = uncurry(String.prototype.slice);
  const test = uncurry(RegExp.prototype.test);

  const STYLES = ["long", "short", "narrow"];
  const CATEGORIES = ["zero", "one", "two", "few", "many", "other"];

  class PluralRules {
    #locale;
    #type;
    #rounding;
    #rules;

    constructor(locales, options) {
      this.#locale = localeOf(locales).locale;
      const read = reader(options, "Intl.PluralRules");
      matcher(read);
      this.#type = read.one("type", ["cardinal", "ordinal"], "cardinal");
      read.refuse("notation", ["standard"]);
      this.#rounding = readRounding(read, [0, 3], false);
      this.#rules = data("intl.plural", this.#locale, this.#type);
    }

    select(value) {
      const parts = decompose(NumberConstructor(value));
      if (parts.special !== undefined) return "other";
      const { whole, fraction } = round(parts, this.#rounding);
      return pluralOf(this.#rules, whole, fraction);
    }

    resolvedOptions() {
      const rounding = this.#rounding;
      // Rules belong to languages; of those here one differs by its region.
      const locale = this.#locale === "pt-PT" ? "pt-PT" : exec(/^[a-z]+/, this.#locale)[0];
      const resolved = { locale, type: this.#type };
      resolved.minimumIntegerDigits = rounding.minWhole;
      if (rounding.type !== "significant") {
        resolved.minimumFractionDigits = rounding.minFraction;
        resolved.maximumFractionDigits = rounding.maxFraction;
      }
      if (rounding.type !== "fraction") {
        resolved.minimumSignificantDigits = rounding.minSignificant;
        resolved.maximumSignificantDigits = rounding.maxSignificant;
      }
      resolved.pluralCategories = [];
      for (const name of CATEGORIES) {
        let isKnown = name === "other";
        for (let i = 0; i < this.#rules.length; i++) if (this.#rules[i][0] === name) isKnown = true;
        if (isKnown) push(resolved.pluralCategories, name);
      }
      resolved.roundingIncrement = rounding.increment;
      resolved.roundingMode = rounding.mode;
      resolved.roundingPriority = rounding.priority;
      resolved.trailingZeroDisplay = rounding.trailing;
      return resolved;
    }
  }

  /** Return what stands before, between and after the places of a pattern of two. */
  function between(pattern) {
    const [, before, middle, after] = exec(/^(.*)\{0\}(.*)\{1\}(.*)$/s, pattern);
    return { before, middle, after };
  }

  class ListFormat {
    #locale;
    #type;
    #style;
    #patterns;

    constructor(locales, options) {
      this.#locale = localeOf(locales).locale;
      if (options !== undefined && (typeof options !== "object" || options === null)) {
        throw new TypeErrorConstructor("Intl.ListFormat options must be an object");
      }
      const read = reader(options, "Intl.ListFormat");
      matcher(read);
      this.#type = read.one("type", ["conjunction", "disjunction", "unit"], "conjunction");
      this.#style = read.one("style", STYLES, "long");
      this.#patterns = data("intl.list", this.#locale, this.#type, this.#style);
    }

    format(list) {
      let text = "";
      const parts = this.formatToParts(list);
      for (let i = 0; i < parts.length; i++) text += parts[i].value;
      return text;
    }

    formatToParts(list) {
      const items = [];
      for (const item of list === undefined ? [] : list) {
        if (typeof item !== "string") {
          throw new TypeErrorConstructor("Iterable yielded a value that is not a string");
        }
        push(items, item);
      }
      const parts = [];
      const last = items.length - 1;
      for (let i = 0; i <= last; i++) {
        if (i > 0) push(parts, { type: "literal", value: this.#joint(i, last, items[i]) });
        push(parts, { type: "element", value: items[i] });
      }
      return parts;
    }

    #joint(at, last, next) {
      const { middle } = between(
        at === last
          ? this.#patterns[last === 1 ? "2" : "end"]
          : this.#patterns[at === 1 ? "start" : "middle"],
      );
      return at === last && slice(this.#locale, 0, 2) === "es" ? spanish(middle, next) : middle;
    }

    resolvedOptions() {
      return { locale: this.#locale, type: this.#type, style: this.#style };
    }
  }

  // Before its own sound "y" is "e", and "o" is "u".
  function spanish(middle, next) {
    if (middle === " y ") return test(/^(?:i|hi(?!a|e))/i, next) ? " e " : middle;
    return middle === " o " && test(/^(?:o|ho|8|11(?!\d))/i, next) ? " u " : middle;
  }

  const UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];

  class RelativeTimeFormat {
    #locale;
    #style;
    #numeric;
    #numbers;

    constructor(locales, options) {
      this.#locale = localeOf(locales).locale;
      const read = reader(options, "Intl.RelativeTimeFormat");
      matcher(read);
      numbering(read);
      this.#style = read.one("style", STYLES, "long");
      this.#numeric = read.one("numeric", ["always", "auto"], "always");
      this.#numbers = new NumberFormat(this.#locale);
    }

    format(value, unit) {
      let text = "";
      const parts = this.formatToParts(value, unit);
      for (let i = 0; i < parts.length; i++) text += parts[i].value;
      return text;
    }

    formatToParts(value, unit) {
      const number = NumberConstructor(value);
      const name = exec(/^(.*?)s?$/, `${unit}`)[1];
      if (!includes(UNITS, name)) {
        throw new RangeErrorConstructor(
          `Invalid unit argument for Intl.RelativeTimeFormat.prototype.format() '${unit}'`,
        );
      }
      if (!(abs(number) < Infinity)) throw new RangeErrorConstructor("Invalid time value");
      const facts = data("intl.relative", this.#locale, name, this.#style);
      const isPast = number < 0 || (number === 0 && 1 / number < 0);
      if (this.#numeric === "auto") {
        const word = facts.words[`${number}`];
        if (word !== undefined) return [{ type: "literal", value: word }];
      }
      const { whole, fraction } = round(decompose(abs(number)), ROUNDING);
      const category = pluralOf(facts.plural, whole, fraction);
      const patterns = facts[isPast ? "past" : "future"];
      const pattern = patterns[category] ?? patterns.other;
      const at = indexOf(pattern, "{0}");
      if (at < 0) return [{ type: "literal", value: pattern }];
      const parts = [];
      if (at > 0) push(parts, { type: "literal", value: slice(pattern, 0, at) });
      for (const part of this.#numbers.formatToParts(abs(number))) {
        push(parts, { type: part.type, value: part.value, unit: name });
      }
      const tail = slice(pattern, at + 3);
      if (tail !== "") push(parts, { type: "literal", value: tail });
      return parts;
    }

    resolvedOptions() {
      return {
        locale: this.#locale,
        style: this.#style,
        numeric: this.#numeric,
        numberingSystem: "latn",
      };
    }
  }

  const ROUNDING = readRounding(reader(undefined, "Intl"), [0, 3], false);

  absent(PluralRules, ["selectRange"], "select the form of the end");
  for (const type of [PluralRules, ListFormat, RelativeTimeFormat]) publish(type, false);
});
