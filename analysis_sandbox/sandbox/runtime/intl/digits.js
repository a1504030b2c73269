// Decimal digits of numbers, rounded as Intl wants them, and the plural form they take.
(function (runtime) {
  "use strict";

  const NumberConstructor = Number;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { max, min } = Math;
  const { uncurry } = runtime;
  const charCodeAt = uncurry(String.prototype.charCodeAt);
  const indexOf = uncurry(String.prototype.indexOf);
  const exec = uncurry(RegExp.prototype.exec);
  const padEnd = uncurry(String.prototype.padEnd);
  const padStart = uncurry(String.prototype.padStart);
  const repeat = uncurry(String.prototype.repeat);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const includes = uncurry(Array.prototype.includes);

  const MODES = [
    "ceil",
    "floor",
    "expand",
    "trunc",
    "halfCeil",
    "halfFloor",
    "halfExpand",
    "halfTrunc",
    "halfEven",
  ];
  const INCREMENTS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];
  const ZERO = 48;
  const MOST_DIGITS = 1000;

  /**
   * Return {special} for NaN and infinities, else {isNegative, digits, point}: the value is
   * 0.digits * 10 ** point, without zeros at either end of the digits.
   */
  function decompose(value) {
    if (typeof value === "number") return decomposeNumber(value);
    if (typeof value === "bigint") return decomposeText(StringConstructor(value));
    if (typeof value === "string") return decomposeString(value);
    if (typeof value === "symbol") {
      throw new TypeErrorConstructor("Cannot convert a Symbol value to a number");
    }
    const isObject = typeof value === "object" && value !== null;
    const inner = isObject ? value.valueOf() : value;
    return typeof inner === "bigint" ? decompose(inner) : decomposeNumber(+inner);
  }

  function decomposeNumber(value) {
    if (value !== value) return { special: "nan", isNegative: false };
    if (value === Infinity || value === -Infinity) {
      return { special: "infinity", isNegative: value < 0 };
    }
    const parts = decomposeText(StringConstructor(value));
    parts.isNegative = value < 0 || (value === 0 && 1 / value < 0);
    return parts;
  }

  // Exact, not as the nearest double.
  function decomposeString(value) {
    const found = exec(/^\s*([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?\s*$/i, value);
    if (found === null) return decomposeNumber(+value);
    if (value.length > MOST_DIGITS || found[3]?.length > 5) {
      throw new RangeErrorConstructor(`A number may have ${MOST_DIGITS} digits here`);
    }
    const exponent = found[3] === undefined ? "" : `e${found[3]}`;
    return decomposeText(`${found[1] === "-" ? "-" : ""}${found[2]}${exponent}`);
  }

  function decomposeText(text) {
    const isNegative = text[0] === "-";
    const first = isNegative ? 1 : 0;
    const e = indexOf(text, "e");
    const end = e < 0 ? text.length : e;
    const dot = indexOf(text, ".");
    const whole = dot < 0 ? slice(text, first, end) : slice(text, first, dot);
    const all = dot < 0 ? whole : whole + slice(text, dot + 1, end);
    let from = 0;
    while (from < all.length && charCodeAt(all, from) === ZERO) from += 1;
    let to = all.length;
    while (to > from && charCodeAt(all, to - 1) === ZERO) to -= 1;
    const exponent = e < 0 ? 0 : NumberConstructor(slice(text, e + 1));
    const point = from === to ? 0 : whole.length - from + exponent;
    return { isNegative, digits: slice(all, from, to), point };
  }

  /** Tell whether what is cut off makes the digit before it one larger. */
  function roundsUp(mode, isNegative, kept, rest) {
    const isExact = replace(rest, /0+$/, "") === "";
    if (isExact || mode === "trunc") return false;
    if (mode === "expand") return true;
    if (mode === "ceil") return !isNegative;
    if (mode === "floor") return isNegative;
    const first = charCodeAt(rest, 0) - ZERO;
    if (first !== 5 || replace(slice(rest, 1), /0+$/, "") !== "") return first >= 5;
    if (mode === "halfExpand") return true;
    if (mode === "halfTrunc") return false;
    if (mode === "halfCeil") return !isNegative;
    if (mode === "halfFloor") return isNegative;
    return kept !== "" && (charCodeAt(kept, kept.length - 1) - ZERO) % 2 === 1;
  }

  /** Return the parts with `places` digits after the point at most. */
  function roundTo(parts, places, mode) {
    const { digits, isNegative, point } = parts;
    const cut = point + places;
    if (cut >= digits.length) return parts;
    const kept = cut > 0 ? slice(digits, 0, cut) : "";
    const rest = cut >= 0 ? slice(digits, cut) : repeat("0", min(-cut, 1)) + digits;
    if (!roundsUp(mode, isNegative, kept, rest)) {
      const left = replace(kept, /0+$/, "");
      return { isNegative, digits: left, point: left === "" ? 0 : point };
    }
    if (cut <= 0) return { isNegative, digits: "1", point: 1 - places };
    const nines = exec(/9*$/, kept)[0].length;
    const stem = slice(kept, 0, kept.length - nines);
    if (stem === "") return { isNegative, digits: "1", point: point + 1 };
    const last = charCodeAt(stem, stem.length - 1) - ZERO + 1;
    return { isNegative, digits: slice(stem, 0, -1) + last, point };
  }

  /** Return the parts rounded to a multiple of `increment` at the last of `places` digits. */
  function roundToIncrement(parts, places, mode, increment) {
    if (increment === 1) return roundTo(parts, places, mode);
    const scaled = { ...parts, point: parts.digits === "" ? 0 : parts.point + places };
    const { whole, fraction } = show(scaled, 1, 0, MOST_DIGITS);
    const number = BigInt(whole + fraction);
    const step = BigInt(increment) * 10n ** BigInt(fraction.length);
    const below = number / step;
    const rest = number % step;
    // The part that is left over, as a decimal that is less than, equal to or more than a half.
    const half = rest * 2n === step ? "5" : rest * 2n > step ? "6" : "4";
    const tail = rest === 0n ? "" : half;
    const count = roundTo(
      { ...decomposeText(`${below}.${tail}`), isNegative: parts.isNegative },
      0,
      mode,
    );
    const multiple = BigInt(show(count, 1, 0, 0).whole) * BigInt(increment);
    const result = decomposeText(`${multiple}`);
    const point = result.digits === "" ? 0 : result.point - places;
    return { ...result, point, isNegative: parts.isNegative };
  }

  /** Return the digits before and after the point. */
  function show({ digits, point }, minWhole, minFraction, maxFraction) {
    const whole = point > 0 ? padEnd(slice(digits, 0, point), point, "0") : "";
    const rest = point >= 0 ? slice(digits, max(point, 0)) : repeat("0", -point) + digits;
    const fraction = slice(digits === "" ? "" : rest, 0, maxFraction);
    return {
      whole: padStart(whole === "" ? "0" : whole, minWhole, "0"),
      fraction: padEnd(fraction, minFraction, "0"),
    };
  }

  /** Return {parts, whole, fraction}: the value rounded as `rounding` says. */
  function round(parts, rounding) {
    const { type, mode, increment, minWhole } = rounding;
    const { minFraction, maxFraction, minSignificant, maxSignificant } = rounding;
    const byFraction = () => {
      const rounded = roundToIncrement(parts, maxFraction, mode, increment);
      return { parts: rounded, ...show(rounded, minWhole, minFraction, maxFraction) };
    };
    const bySignificant = () => {
      const place = parts.digits === "" ? 1 : parts.point;
      const rounded = roundTo(parts, maxSignificant - place, mode);
      const head = rounded.digits === "" ? 1 : rounded.point;
      const wanted = max(minSignificant - head, 0);
      return { parts: rounded, ...show(rounded, minWhole, wanted, MOST_DIGITS) };
    };
    let shown;
    if (type === "fraction") {
      shown = byFraction();
    } else if (type === "significant") {
      shown = bySignificant();
    } else {
      const place = parts.digits === "" ? 1 : parts.point;
      const fixedIsFiner = maxFraction > maxSignificant - place;
      shown = fixedIsFiner === (type === "more") ? byFraction() : bySignificant();
    }
    if (rounding.stripZeros && replace(shown.fraction, /0/g, "") === "") shown.fraction = "";
    return shown;
  }

  /** Read the options that say how many digits are shown, as ECMA-402 orders them. */
  function readRounding(read, defaults, isCompact) {
    const minWhole = read.number("minimumIntegerDigits", 1, 21, 1);
    let minFraction = read.number("minimumFractionDigits", 0, 100);
    let maxFraction = read.number("maximumFractionDigits", 0, 100);
    let minSignificant = read.raw("minimumSignificantDigits");
    let maxSignificant = read.raw("maximumSignificantDigits");
    const increment = read.number("roundingIncrement", 1, 5000, 1);
    if (!includes(INCREMENTS, increment)) {
      throw new RangeErrorConstructor("roundingIncrement value is out of range.");
    }
    const mode = read.one("roundingMode", MODES, "halfExpand");
    const priority = read.one(
      "roundingPriority",
      ["auto", "morePrecision", "lessPrecision"],
      "auto",
    );
    const trailing = read.one("trailingZeroDisplay", ["auto", "stripIfInteger"], "auto");
    const hasSignificant = minSignificant !== undefined || maxSignificant !== undefined;
    const hasFraction = minFraction !== undefined || maxFraction !== undefined;
    const needsSignificant = priority !== "auto" || hasSignificant;
    const needsFraction = priority !== "auto" || !(hasSignificant || (!hasFraction && isCompact));
    if (needsSignificant) {
      minSignificant = read.number("minimumSignificantDigits", 1, 21, 1);
      maxSignificant = read.number("maximumSignificantDigits", minSignificant, 21, 21);
    }
    if (needsFraction) {
      if (minFraction === undefined && maxFraction === undefined) {
        [minFraction, maxFraction] = increment === 1 ? defaults : [defaults[0], defaults[0]];
      } else if (minFraction === undefined) {
        minFraction = min(defaults[0], maxFraction);
      } else if (maxFraction === undefined) {
        maxFraction = max(defaults[1], minFraction);
      } else if (minFraction > maxFraction) {
        throw new RangeErrorConstructor("maximumFractionDigits value is out of range.");
      }
    }
    let type = hasSignificant ? "significant" : "fraction";
    if (!needsSignificant && !needsFraction) {
      [minFraction, maxFraction, minSignificant, maxSignificant] = [0, 0, 1, 2];
      type = "more";
    } else if (priority !== "auto") {
      type = priority === "morePrecision" ? "more" : "less";
    }
    const names = { more: "morePrecision", less: "lessPrecision" };
    if (increment !== 1 && (type !== "fraction" || minFraction !== maxFraction)) {
      if (type !== "fraction") {
        throw new TypeErrorConstructor("roundingIncrement value is invalid.");
      }
      throw new RangeErrorConstructor("roundingIncrement value is out of range.");
    }
    return {
      type,
      mode,
      increment,
      minWhole,
      minFraction,
      maxFraction,
      minSignificant,
      maxSignificant,
      stripZeros: trailing === "stripIfInteger",
      priority: names[type] ?? "auto",
      trailing,
    };
  }

  /** Return the plural category of the digits as they are shown. */
  function pluralOf(rules, whole, fraction, exponent = 0) {
    const trimmed = replace(fraction, /0+$/, "");
    const shown = exponent === 0 ? [whole, trimmed] : shifted(whole, trimmed, exponent);
    const operands = {
      n: NumberConstructor(`${shown[0]}.${shown[1]}`),
      // Of more digits the last 18 decide, as a double: so does ICU.
      i: NumberConstructor(slice(shown[0], -18)),
      v: exponent === 0 ? fraction.length : shown[1].length,
      w: shown[1].length,
      f: NumberConstructor(exponent === 0 ? fraction : shown[1]),
      t: NumberConstructor(shown[1]),
      e: exponent,
      c: exponent,
    };
    for (let i = 0; i < rules.length; i++) if (holds(rules[i][1], operands)) return rules[i][0];
    return "other";
  }

  function shifted(whole, fraction, exponent) {
    const digits = padEnd(fraction, exponent, "0");
    return [whole + slice(digits, 0, exponent), slice(digits, exponent)];
  }

  function holds(condition, operands) {
    if (condition[0] === "and") {
      return holds(condition[1], operands) && holds(condition[2], operands);
    }
    if (condition[0] === "or") {
      return holds(condition[1], operands) || holds(condition[2], operands);
    }
    if (condition[0] === "not") return !holds(condition[1], operands);
    const [, name, modulus, ranges] = condition;
    const value = modulus === 0 ? operands[name] : operands[name] % modulus;
    for (let i = 0; i < ranges.length; i++) {
      const [low, high] = ranges[i];
      if (value >= low && value <= high && value % 1 === 0) return true;
    }
    return false;
  }

  Object.assign(runtime, {
    digits: { decompose, round, roundTo, readRounding, pluralOf, show },
  });
});
