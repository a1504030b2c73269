// Patterns of numbers as CLDR writes them: "#,##0.00 ¤;(#,##0.00 ¤)".
(function (runtime) {
  "use strict";

  const { uncurry } = runtime;
  const { remember } = runtime.intl;
  const exec = uncurry(RegExp.prototype.exec);
  const indexOf = uncurry(String.prototype.indexOf);
  const lastIndexOf = uncurry(String.prototype.lastIndexOf);
  const push = uncurry(Array.prototype.push);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const test = uncurry(RegExp.prototype.test);

  /** Return an affix in pieces: the characters that mean something, and the text between. */
  function pieces(text) {
    const found = [];
    let literal = "";
    let isQuoted = false;
    const flush = () => {
      if (literal !== "") push(found, { mark: "", text: literal });
      literal = "";
    };
    for (let i = 0; i < text.length; i++) {
      const one = text[i];
      if (one === "'") {
        if (text[i + 1] === "'") literal += text[++i];
        else isQuoted = !isQuoted;
      } else if (!isQuoted && indexOf("¤%-+", one) >= 0) {
        flush();
        push(found, { mark: one, text: one });
      } else {
        literal += one;
      }
    }
    flush();
    return found;
  }

  function half(text) {
    const bare = replace(text, /'[^']*'/g, (quoted) => "\ue001".repeat(quoted.length));
    const body = exec(/[#0][#0.,E]*/, bare);
    // "a thousand" says the number itself.
    if (body === null) return { prefix: pieces(text), body: "", suffix: [] };
    const from = body.index;
    const to = from + body[0].length;
    return {
      prefix: pieces(slice(text, 0, from)),
      body: body[0],
      suffix: pieces(slice(text, to)),
    };
  }

  /** Return {positive, negative (or null), primary, secondary} of a pattern. */
  const parsePattern = remember((pattern) => {
    const cut = exec(/^((?:[^';]|'[^']*')*);(.*)$/s, pattern);
    const positive = half(cut === null ? pattern : cut[1]);
    const negative = cut === null ? null : half(cut[2]);
    const { body } = positive;
    const whole = indexOf(body, ".") < 0 ? body : slice(body, 0, indexOf(body, "."));
    const last = lastIndexOf(whole, ",");
    const primary = last < 0 ? 0 : whole.length - last - 1;
    const before = last < 0 ? -1 : lastIndexOf(whole, ",", last - 1);
    const secondary = before < 0 ? primary : last - before - 1;
    return { positive, negative, primary, secondary };
  });

  // A currency that is letters does not touch a digit.
  function touches(currency, isBefore) {
    return test(isBefore ? /[^\p{S}\p{Z}]$/u : /^[^\p{S}\p{Z}]/u, currency);
  }

  function isDigits({ type }) {
    return type === "integer" || type === "fraction";
  }

  function write(parts, affix, { sign, symbols, currency, isCompact }) {
    for (let i = 0; i < affix.length; i++) {
      const { mark, text } = affix[i];
      if (mark === "-") {
        const isPlus = sign === "+";
        push(parts, {
          type: isPlus ? "plusSign" : "minusSign",
          value: isPlus ? symbols.plusSign : symbols.minusSign,
        });
      } else if (mark === "+") {
        push(parts, { type: "plusSign", value: symbols.plusSign });
      } else if (mark === "%") {
        push(parts, { type: "percentSign", value: symbols.percentSign });
      } else if (mark === "¤") {
        push(parts, { type: "currency", value: currency });
      } else if (isCompact) {
        writeCompact(parts, text);
      } else {
        push(parts, { type: "literal", value: text });
      }
    }
  }

  function writeCompact(parts, text) {
    const [, before, word, after] = exec(/^(\s*)(.*?)(\s*)$/s, text);
    if (before !== "") push(parts, { type: "literal", value: before });
    if (word !== "") push(parts, { type: "compact", value: word });
    if (after !== "") push(parts, { type: "literal", value: after });
  }

  /** Return the parts of a number with what the pattern puts before and after it. */
  function affix(pattern, sign, symbols, currency, number, isCompact) {
    const isExplicit = sign !== "" && pattern.negative !== null && sign === "-";
    const chosen = isExplicit ? pattern.negative : signed(pattern, sign);
    const facts = { sign, symbols, currency, isCompact };
    const parts = [];
    write(parts, chosen.prefix, facts);
    const head = parts[parts.length - 1];
    if (head?.type === "currency" && isDigits(number[0]) && touches(head.value, true)) {
      push(parts, { type: "literal", value: "\u00a0" });
    }
    if (pattern.positive.body !== "") {
      for (let i = 0; i < number.length; i++) push(parts, number[i]);
    }
    const at = parts.length;
    write(parts, chosen.suffix, facts);
    if (parts[at]?.type !== "currency" || !isDigits(parts[at - 1])) return parts;
    if (!touches(parts[at].value, false)) return parts;
    const tail = parts.splice(at);
    push(parts, { type: "literal", value: "\u00a0" }, ...tail);
    return parts;
  }

  const SIGN = { mark: "-", text: "-" };

  function signed(pattern, sign) {
    const { positive, negative } = pattern;
    if (sign === "") return positive;
    // A pattern of its own for what is negative says where a plus stands too.
    if (negative !== null && (hasSign(negative.prefix) || hasSign(negative.suffix))) {
      return negative;
    }
    return { prefix: [SIGN, ...positive.prefix], suffix: positive.suffix };
  }

  function hasSign(affixPieces) {
    for (let i = 0; i < affixPieces.length; i++) if (affixPieces[i].mark === "-") return true;
    return false;
  }

  /** Return the parts of "{0} km" or "{0} {1}" with the number, and the name, in their places. */
  function place(pattern, number, name, isCurrency) {
    const parts = [];
    const literal = (text) => {
      const [, before, word, after] = exec(/^(\s*)(.*?)(\s*)$/s, text);
      if (before !== "") push(parts, { type: "literal", value: before });
      if (word !== "") push(parts, { type: isCurrency ? "literal" : "unit", value: word });
      if (after !== "") push(parts, { type: "literal", value: after });
    };
    let rest = pattern;
    for (let found = exec(/\{([01])\}/, rest); found !== null; found = exec(/\{([01])\}/, rest)) {
      literal(slice(rest, 0, found.index));
      if (found[1] === "1") push(parts, { type: "currency", value: name });
      else for (let i = 0; i < number.length; i++) push(parts, number[i]);
      rest = slice(rest, found.index + 3);
    }
    literal(rest);
    return parts;
  }

  Object.assign(runtime, { numberPatterns: { parsePattern, affix, place } });
});
