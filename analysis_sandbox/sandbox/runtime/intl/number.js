// Intl.NumberFormat.
(function (runtime) {
  "use strict";

  const StringConstructor = String;
  const { floor, max, min } = Math;
  const { keys } = Object;
  const { uncurry } = runtime;
  const { absent, data, publish } = runtime.intl;
  const { decompose, pluralOf, round } = runtime.digits;
  const { readNumberOptions } = runtime;
  const exec = uncurry(RegExp.prototype.exec);
  const indexOf = uncurry(String.prototype.indexOf);
  const push = uncurry(Array.prototype.push);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const split = uncurry(String.prototype.split);
  const { parsePattern, affix, place } = runtime.numberPatterns;

  const MOST_POWER = 20;
  /** Return the digits in groups. */
  function groupsOf(whole, { primary, secondary, least }) {
    if (least === 0 || primary === 0 || whole.length < primary + least) return [whole];
    const groups = [slice(whole, -primary)];
    let end = whole.length - primary;
    while (end > secondary) {
      push(groups, slice(whole, end - secondary, end));
      end -= secondary;
    }
    push(groups, slice(whole, 0, end));
    return groups;
  }

  function group(whole, grouping, parts) {
    const groups = groupsOf(whole, grouping);
    for (let i = groups.length - 1; i >= 0; i--) {
      push(parts, { type: "integer", value: groups[i] });
      if (i > 0) push(parts, { type: "group", value: grouping.symbol });
    }
  }

  function grouped(whole, grouping) {
    const groups = groupsOf(whole, grouping);
    let text = groups[groups.length - 1];
    for (let i = groups.length - 2; i >= 0; i--) text += grouping.symbol + groups[i];
    return text;
  }

  function textOf(parts) {
    let text = "";
    for (let i = 0; i < parts.length; i++) text += parts[i].value;
    return text;
  }

  function compactPatternAt(table, category, power) {
    const key = `1${"0".repeat(power)}`;
    const own = table[category]?.[key] ?? table.other?.[key];
    if (own !== undefined) return own;
    for (const name of keys(table)) if (table[name][key] !== undefined) return table[name][key];
    return undefined;
  }

  // There are patterns for 1000, 10000, ...; the last of them serves all beyond.
  function compactExponent(table, magnitude) {
    if (magnitude < 3) return 0;
    let power = min(magnitude, MOST_POWER);
    while (power > 3 && compactPatternAt(table, "other", power) === undefined) power -= 1;
    const pattern = compactPatternAt(table, "other", power);
    if (pattern === undefined || pattern === "0") return 0;
    return power - exec(/0+/, replace(pattern, /'[^']*'/g, ""))[0].length + 1;
  }

  class NumberFormat {
    #options;
    #facts;
    #pattern;
    #grouping;
    #bound = null;
    #frames = { __proto__: null };

    constructor(locales, options) {
      this.#options = readNumberOptions(locales, options);
      const { chosen, locale, useGrouping } = this.#options;
      this.#facts = data("intl.number", locale, chosen);
      this.#pattern = parsePattern(this.#facts.pattern);
      const least = { false: 0, always: 1, min2: 2 }[useGrouping] ?? this.#facts.minimumGrouping;
      const { primary, secondary } = this.#pattern;
      this.#grouping = { primary, secondary, least, symbol: this.#facts.symbols.group };
    }

    get format() {
      this.#bound ??= (value) => this.#fast(value) ?? textOf(this.#parts(value));
      return this.#bound;
    }

    // Most numbers need no parts: what stands around the digits depends on the sign alone.
    #fast(value) {
      const { chosen, rounding, signDisplay } = this.#options;
      if (chosen.notation !== "standard" || signDisplay !== "auto") return undefined;
      if (chosen.style === "unit" || chosen.currencyDisplay === "name") return undefined;
      const exact = decompose(value);
      if (exact.special !== undefined) return undefined;
      if (chosen.style === "percent" && exact.digits !== "") exact.point += 2;
      const { whole, fraction } = round(exact, rounding);
      const frame = (this.#frames[exact.isNegative ? "-" : ""] ??= this.#frame(exact.isNegative));
      const digits = grouped(whole, this.#grouping);
      const tail = fraction === "" ? "" : this.#facts.symbols.decimal + fraction;
      return frame.before + digits + tail + frame.after;
    }

    #frame(isNegative) {
      const facts = { exponent: 0, category: "other", named: "other" };
      const parts = this.#dress(
        [{ type: "integer", value: "\u0000" }],
        isNegative ? "-" : "",
        facts,
      );
      const [before, after] = split(textOf(parts), "\u0000");
      return { before, after };
    }

    formatToParts(value) {
      return this.#parts(value);
    }

    #parts(value) {
      const { chosen, rounding, signDisplay } = this.#options;
      const exact = decompose(value);
      if (exact.special === undefined && chosen.style === "percent" && exact.digits !== "") {
        exact.point += 2;
      }
      const number = [];
      let [exponent, isZero, category, named, shift] = [0, false, "other", "other", 0];
      if (exact.special !== undefined) {
        const { symbols } = this.#facts;
        push(number, { type: exact.special, value: symbols[exact.special] });
      } else {
        exponent = this.#exponent(exact);
        const scaled = { ...exact, point: exact.digits === "" ? 0 : exact.point - exponent };
        const shown = round(scaled, rounding);
        isZero = shown.parts.digits === "";
        this.#writeDigits(number, shown, exponent);
        shift = chosen.notation === "compact" ? exponent : 0;
        const { plural } = this.#facts;
        category = pluralOf(plural, shown.whole, shown.fraction);
        named = shift > 0 ? pluralOf(plural, shown.whole, shown.fraction, shift) : category;
      }
      const isNaN = exact.special === "nan";
      const sign = signOf(signDisplay, exact.isNegative, isZero || isNaN);
      return this.#dress(number, sign, { exponent: shift, category, named });
    }

    // A scaled notation moves the point before rounding, and again if that adds a digit.
    #exponent(exact) {
      const { chosen, rounding } = this.#options;
      if (chosen.notation === "standard" || exact.digits === "") return 0;
      const choose = (magnitude) => {
        if (chosen.notation === "scientific") return magnitude;
        if (chosen.notation === "engineering") return floor(magnitude / 3) * 3;
        return compactExponent(this.#facts.compact, magnitude);
      };
      const magnitude = exact.point - 1;
      const exponent = choose(magnitude);
      const { parts } = round({ ...exact, point: exact.point - exponent }, rounding);
      if (parts.digits === "" || parts.point - 1 === magnitude - exponent) return exponent;
      return choose(magnitude + 1);
    }

    #writeDigits(number, { whole, fraction }, exponent) {
      const { symbols } = this.#facts;
      group(whole, this.#grouping, number);
      if (fraction !== "") {
        push(number, { type: "decimal", value: symbols.decimal });
        push(number, { type: "fraction", value: fraction });
      }
      const { notation } = this.#options.chosen;
      if (notation !== "scientific" && notation !== "engineering") return;
      push(number, { type: "exponentSeparator", value: symbols.exponential });
      if (exponent < 0) push(number, { type: "exponentMinusSign", value: symbols.minusSign });
      const digits = StringConstructor(exponent < 0 ? -exponent : exponent);
      push(number, { type: "exponentInteger", value: digits });
    }

    /** Put around the number what belongs there: sign, currency, unit, magnitude. */
    #dress(number, sign, { exponent, category, named }) {
      const { chosen } = this.#options;
      const { symbols } = this.#facts;
      const isNamed = chosen.currencyDisplay === "name";
      let pattern = this.#pattern;
      if (exponent > 0) {
        const table = this.#facts.compact;
        const power = max(exponent, 3);
        const isOne = number.length === 1 && number[0].value === "1";
        const text = (isOne ? table["=1"]?.[`1${"0".repeat(power)}`] : undefined) ??
          compactPatternAt(table, category, power);
        pattern = parsePattern(compactPattern(text, this.#pattern));
      }
      if (this.#facts.unitPatterns !== undefined || isNamed) {
        const whole = affix(pattern, sign, symbols, "", number, exponent > 0);
        const patterns = isNamed ? this.#facts.namePatterns : this.#facts.unitPatterns;
        const name = isNamed ? this.#facts.names[named] ?? this.#facts.names.other : "";
        return place(patterns[named] ?? patterns.other, whole, name, isNamed);
      }
      const currency = this.#facts.currency ?? "";
      const parts = affix(pattern, sign, symbols, currency, number, exponent > 0);
      if (chosen.style === "unit") {
        for (let i = 0; i < parts.length; i++) {
          if (parts[i].type === "percentSign") parts[i].type = "unit";
        }
      }
      return parts;
    }

    resolvedOptions() {
      const { chosen, locale, rounding, signDisplay, useGrouping } = this.#options;
      const { notation, compactDisplay, ...style } = chosen;
      const resolved = { locale, numberingSystem: "latn", ...style };
      resolved.minimumIntegerDigits = rounding.minWhole;
      if (rounding.type !== "significant") {
        resolved.minimumFractionDigits = rounding.minFraction;
        resolved.maximumFractionDigits = rounding.maxFraction;
      }
      if (rounding.type !== "fraction") {
        resolved.minimumSignificantDigits = rounding.minSignificant;
        resolved.maximumSignificantDigits = rounding.maxSignificant;
      }
      resolved.useGrouping = useGrouping;
      resolved.notation = notation;
      if (compactDisplay !== undefined) resolved.compactDisplay = compactDisplay;
      resolved.signDisplay = signDisplay;
      resolved.roundingIncrement = rounding.increment;
      resolved.roundingMode = rounding.mode;
      resolved.roundingPriority = rounding.priority;
      resolved.trailingZeroDisplay = rounding.trailing;
      return resolved;
    }
  }

  /** Return the sign to show: "-", "+" or "". */
  function signOf(display, isNegative, isZero) {
    if (display === "never") return "";
    if (display === "auto") return isNegative ? "-" : "";
    if (display === "always") return isNegative ? "-" : "+";
    if (isZero) return "";
    if (display === "negative") return isNegative ? "-" : "";
    return isNegative ? "-" : "+";
  }

  // "0K" says where the number stands; where the sign does is said by the plain pattern.
  function compactPattern(text, { negative }) {
    return indexOf(text, ";") >= 0 || negative === null ? text : split(text, ";")[0];
  }

  absent(NumberFormat, ["formatRange", "formatRangeToParts"], "format both ends");
  publish(NumberFormat, true);
});
