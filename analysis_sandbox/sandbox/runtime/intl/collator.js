// Intl.Collator: the order of texts, by keys that are compared as texts.
(function (runtime) {
  "use strict";

  const MapConstructor = Map;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const { fromCharCode } = String;
  const { own, uncurry } = runtime;
  const { data, localeOf, matcher, publish, reader, remember } = runtime.intl;
  const codePointAt = uncurry(String.prototype.codePointAt);
  const exec = uncurry(RegExp.prototype.exec);
  const normalize = uncurry(String.prototype.normalize);
  const numberToString = uncurry(Number.prototype.toString);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const { fromCodePoint } = String;

  // Keys of that many texts are kept, for a list that is sorted compares each a dozen times.
  const MOST_KEYS = 20_000;
  const END = "\u0000";
  const [LOWER, UPPER] = ["\u0001", "\u0002"];

  /** Return the weights of every character of an order. */
  const weightsOf = remember((_key, table) => {
    const weights = own(new MapConstructor(), "get", "set");
    for (let i = 0; i < table.groups.length; i++) {
      let case_ = LOWER;
      for (const one of table.groups[i]) {
        weights.set(one, { primary: fromCharCode(i + 1), secondary: LOWER, case_ });
        case_ = UPPER;
      }
    }
    let rank = 1;
    for (const mark of table.marks) {
      weights.set(mark, { primary: "", secondary: fromCharCode(++rank), case_: LOWER });
    }
    for (const one of table.ignored) weights.set(one, { primary: "", secondary: "", case_: "" });
    for (const [one, text] of Object.entries(table.expansions)) weights.set(one, text);
    const variable = own(new MapConstructor(), "get", "set");
    for (const one of table.variable) variable.set(one, true);
    return { weights, variable, digit: fromCharCode(table.digit + 1) };
  });

  class Keys {
    #weights;
    #variable;
    #digit;
    #options;
    #locale;
    #known = own(new MapConstructor(), "get", "set", "clear");
    #count = 0;

    constructor(locale, options) {
      const { weights, variable, digit } = weightsOf(locale, data("intl.collation", locale));
      this.#locale = locale;
      this.#weights = weights;
      this.#variable = variable;
      this.#digit = digit;
      this.#options = options;
    }

    of(text) {
      let key = this.#known.get(text);
      if (key === undefined) {
        if (++this.#count > MOST_KEYS) {
          this.#known.clear();
          this.#count = 1;
        }
        key = this.#make(text);
        this.#known.set(text, key);
      }
      return key;
    }

    #make(text) {
      const levels = { primary: "", secondary: "", tertiary: "" };
      this.#add(normalize(text, "NFC"), levels);
      const { primary, secondary, tertiary } = levels;
      switch (this.#options.sensitivity) {
        case "base":
          return primary;
        case "accent":
          return primary + END + secondary;
        case "case":
          return primary + END + tertiary;
        default:
          return primary + END + secondary + END + tertiary;
      }
    }

    #add(text, levels) {
      const { numeric, ignorePunctuation } = this.#options;
      for (let i = 0; i < text.length; i++) {
        const one = fromCodePoint(codePointAt(text, i));
        if (numeric && one >= "0" && one <= "9") {
          const run = exec(/^\d+/, slice(text, i))[0];
          this.#addNumber(run, levels);
          i += run.length - 1;
          continue;
        }
        i += one.length - 1;
        if (ignorePunctuation && this.#variable.get(one)) continue;
        this.#addCharacter(one, levels);
      }
    }

    #addCharacter(one, levels) {
      const weight = this.#weights.get(one);
      if (typeof weight === "object") {
        levels.primary += weight.primary;
        levels.secondary += weight.secondary;
        const isCounted = weight.primary !== "" || this.#options.sensitivity !== "case";
        if (isCounted) levels.tertiary += this.#cased(weight.case_);
        return;
      }
      const bare = weight ?? normalize(one, "NFD");
      if (bare === one) throw this.#unknown(one);
      this.#add(bare, levels);
    }

    #cased(case_) {
      if (this.#options.caseFirst !== "upper" || case_ === "") return case_;
      return case_ === LOWER ? UPPER : LOWER;
    }

    // As large as the number: how many digits it has, then the digits.
    #addNumber(run, levels) {
      const digits = replace(run, /^0+(?=\d)/, "");
      levels.primary += this.#digit + fromCharCode(digits.length + 1) + digits;
      levels.secondary += LOWER;
      levels.tertiary += this.#cased(LOWER);
    }

    #unknown(one) {
      const code = numberToString(codePointAt(one, 0), 16);
      return new RangeErrorConstructor(
        `The order of '${one}' (U+${code}) in '${this.#locale}' is not known here: ` +
          "compare with < and > for the order of code points",
      );
    }
  }

  class Collator {
    #locale;
    #options;
    #keys;
    #bound = null;

    constructor(locales, options) {
      const { locale, keywords } = localeOf(locales);
      const read = reader(options, "Intl.Collator");
      this.#locale = locale;
      const usage = read.one("usage", ["sort", "search"], "sort");
      if (usage === "search") {
        throw new RangeErrorConstructor(
          "Intl.Collator does not know usage 'search' here: only sort",
        );
      }
      matcher(read);
      read.refuse("collation", ["default"]);
      const isNumeric = keywords.kn !== undefined && keywords.kn !== "false";
      const sensitivity = ["base", "accent", "case", "variant"];
      const numeric = read.flag("numeric") ?? isNumeric;
      const cases = ["upper", "lower", "false"];
      const caseFirst = read.one("caseFirst", cases, keywords.kf ?? "false");
      this.#options = {
        usage,
        sensitivity: read.one("sensitivity", sensitivity, "variant"),
        ignorePunctuation: read.flag("ignorePunctuation") ?? false,
        collation: "default",
        numeric,
        caseFirst,
      };
      this.#keys = new Keys(this.#locale, this.#options);
    }

    get compare() {
      this.#bound ??= (a, b) => {
        const first = StringConstructor(a);
        const second = StringConstructor(b);
        if (first === second) return 0;
        const keys = this.#keys;
        const left = keys.of(first);
        const right = keys.of(second);
        return left === right ? 0 : left < right ? -1 : 1;
      };
      return this.#bound;
    }

    resolvedOptions() {
      return { locale: this.#locale, ...this.#options };
    }
  }

  publish(Collator, true);
  Object.assign(runtime, { Collator });
});
