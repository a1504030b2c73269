// The host of a URL: domains, IPv4 and IPv6 addresses, and what may stand in each part unescaped.
(function (runtime) {
  "use strict";

  const { parseInt } = Number;
  const { floor } = Math;
  const NumberConstructor = Number;
  const { decodeUtf8, fromUnits, uncurry } = runtime;
  const { fromCodePoint } = String;
  const { encodeURIComponent } = globalThis;
  const Bytes = Uint8Array;
  const charCodeAt = uncurry(String.prototype.charCodeAt);
  const codePointAt = uncurry(String.prototype.codePointAt);
  const indexOf = uncurry(String.prototype.indexOf);
  const join = uncurry(Array.prototype.join);
  const lastIndexOf = uncurry(String.prototype.lastIndexOf);
  const normalize = uncurry(String.prototype.normalize);
  const padStart = uncurry(String.prototype.padStart);
  const push = uncurry(Array.prototype.push);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const split = uncurry(String.prototype.split);
  const test = uncurry(RegExp.prototype.test);
  const numberToString = uncurry(Number.prototype.toString);
  const toLowerCase = uncurry(String.prototype.toLowerCase);
  const toUpperCase = uncurry(String.prototype.toUpperCase);
  const toWellFormed = uncurry(String.prototype.toWellFormed);
  const encodeText = runtime.encodeUtf8;

  // ASCII characters that are escaped beside the control characters; each set holds the one before.
  const QUERY = ' "#<>';
  const PATH = `${QUERY}?^\`{}`;
  const ESCAPED = {
    __proto__: null,
    control: "",
    fragment: ' "<>`',
    query: QUERY,
    specialQuery: `${QUERY}'`,
    path: PATH,
    userinfo: `${PATH}/:;=@[\\]|`,
  };

  /** Return the text with what `set` names percent-encoded, as UTF-8. */
  function escape(text, set) {
    const wanted = ESCAPED[set];
    const whole = toWellFormed(text);
    let escaped = "";
    for (let i = 0; i < whole.length; i++) {
      const unit = charCodeAt(whole, i);
      if (unit > 0x7e) {
        const point = codePointAt(whole, i);
        const one = fromCodePoint(point);
        escaped += unit === 0x7f ? "%7F" : encodeURIComponent(one);
        i += one.length - 1;
      } else if (unit < 0x20 || indexOf(wanted, whole[i]) >= 0) {
        escaped += `%${toUpperCase(padStart(numberToString(unit, 16), 2, "0"))}`;
      } else {
        escaped += whole[i];
      }
    }
    return escaped;
  }

  /** Return the text with its percent-encoded bytes as characters, whatever they are. */
  function unescape(text) {
    if (indexOf(text, "%") < 0) return toWellFormed(text);
    const source = encodeText(text);
    const bytes = new Bytes(source.length);
    let count = 0;
    for (let i = 0; i < source.length; i++) {
      let byte = source[i];
      if (byte === 37 && isHex(source[i + 1]) && isHex(source[i + 2])) {
        byte = parseInt(fromUnits([source[i + 1], source[i + 2]]), 16);
        i += 2;
      }
      bytes[count++] = byte;
    }
    return decodeUtf8(new Bytes(bytes.buffer, 0, count), false);
  }

  function isHex(unit) {
    return (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 70) || (unit >= 97 && unit <= 102);
  }

  /** Return the host as a URL has it; null if it is none. */
  function parseHost(text, isSpecial) {
    if (text[0] === "[") {
      if (text[text.length - 1] !== "]") return null;
      const address = parseIPv6(slice(text, 1, -1));
      return address === null ? null : `[${address}]`;
    }
    if (!isSpecial) {
      return test(/[\0\t\n\r #/:<>?@[\\\]^|]/, text) ? null : escape(text, "control");
    }
    const domain = domainToASCII(unescape(text));
    if (domain === null || domain === "") return null;
    if (test(/[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/, domain)) return null;
    return endsInNumber(domain) ? parseIPv4(domain) : domain;
  }

  // Names in other scripts: mapped as browsers do, then written in ASCII.
  function domainToASCII(domain) {
    let mapped = domain;
    if (test(/[^\0-\x7f]/, domain)) {
      const marks = /[\u00ad\u034f\u180b-\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff]/g;
      const plain = replace(replace(replace(domain, marks, ""), /\u1e9e/g, "ss"), /[。．｡]/g, ".");
      mapped = toLowerCase(normalize(toLowerCase(plain), "NFKC"));
      if (test(/[\p{Cc}\p{Cn}\p{Co}\p{Cs}\p{Z}\u200e\u200f\u202a-\u202e\ufffd]/u, mapped)) {
        return null;
      }
    }
    const labels = split(toLowerCase(mapped), ".");
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i];
      if (test(/[^\0-\x7f]/, label)) {
        if (test(/^\p{M}/u, label)) return null;
        labels[i] = `xn--${toPunycode(label)}`;
      } else if (test(/^xn--/, label) && !isPunycode(slice(label, 4))) {
        return null;
      }
    }
    return join(labels, ".");
  }

  function adapt(delta, count, isFirst) {
    let rest = isFirst ? floor(delta / 700) : floor(delta / 2);
    rest += floor(rest / count);
    let k = 0;
    while (rest > 455) {
      rest = floor(rest / 35);
      k += 36;
    }
    return k + floor((36 * rest) / (rest + 38));
  }

  const DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";

  function threshold(k, bias) {
    return k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
  }

  function toPunycode(label) {
    const points = [];
    let output = "";
    for (let i = 0; i < label.length; i++) {
      const point = codePointAt(label, i);
      push(points, point);
      if (point > 0xffff) i += 1;
      if (point < 128) output += fromCodePoint(point);
    }
    const basic = output.length;
    let handled = basic;
    if (basic > 0) output += "-";
    let lowest = 128;
    let delta = 0;
    let bias = 72;
    while (handled < points.length) {
      let next = 0x110000;
      for (let i = 0; i < points.length; i++) {
        if (points[i] >= lowest && points[i] < next) next = points[i];
      }
      delta += (next - lowest) * (handled + 1);
      lowest = next;
      for (let i = 0; i < points.length; i++) {
        if (points[i] < lowest) delta += 1;
        if (points[i] !== lowest) continue;
        let rest = delta;
        for (let k = 36;; k += 36) {
          const t = threshold(k, bias);
          if (rest < t) break;
          output += DIGITS[t + ((rest - t) % (36 - t))];
          rest = floor((rest - t) / (36 - t));
        }
        output += DIGITS[rest];
        bias = adapt(delta, handled + 1, handled === basic);
        delta = 0;
        handled += 1;
      }
      delta += 1;
      lowest += 1;
    }
    return output;
  }

  /** Tell whether the text is what toPunycode gives, with something beyond ASCII in it. */
  function isPunycode(text) {
    const points = [];
    const dash = lastIndexOf(text, "-");
    for (let i = 0; i < dash; i++) push(points, charCodeAt(text, i));
    let at = dash > 0 ? dash + 1 : 0;
    let lowest = 128;
    let bias = 72;
    let position = 0;
    while (at < text.length) {
      const before = position;
      let weight = 1;
      for (let k = 36;; k += 36) {
        const digit = at < text.length ? indexOf(DIGITS, text[at++]) : -1;
        if (digit < 0) return false;
        position += digit * weight;
        const t = threshold(k, bias);
        if (digit < t) break;
        weight *= 36 - t;
      }
      const count = points.length + 1;
      bias = adapt(position - before, count, before === 0);
      lowest += floor(position / count);
      position %= count;
      if (lowest > 0x10ffff) return false;
      points.splice(position++, 0, lowest);
    }
    let label = "";
    for (let i = 0; i < points.length; i++) label += fromCodePoint(points[i]);
    return lowest > 128 && normalize(toLowerCase(label), "NFKC") === label &&
      toPunycode(label) === text;
  }

  function endsInNumber(domain) {
    const parts = split(domain, ".");
    if (parts.length > 1 && parts[parts.length - 1] === "") parts.length -= 1;
    return test(/^(?:\d+|0x[0-9a-f]*)$/i, parts[parts.length - 1]);
  }

  function parseIPv4(domain) {
    const parts = split(domain, ".");
    if (parts.length > 1 && parts[parts.length - 1] === "") parts.length -= 1;
    if (parts.length > 4) return null;
    let address = 0;
    for (let i = 0; i < parts.length; i++) {
      const number = parseIPv4Part(parts[i]);
      const isLast = i === parts.length - 1;
      if (number === null || number >= (isLast ? 256 ** (5 - parts.length) : 256)) return null;
      address += number * (isLast ? 1 : 256 ** (3 - i));
    }
    const shown = [];
    for (let i = 3; i >= 0; i--) push(shown, floor(address / 256 ** i) % 256);
    return join(shown, ".");
  }

  function parseIPv4Part(part) {
    if (test(/^0x[0-9a-f]*$/i, part)) return part.length === 2 ? 0 : parseInt(part, 16);
    if (test(/^0[0-7]*$/, part)) return part === "0" ? 0 : parseInt(part, 8);
    return test(/^[1-9]\d*$/, part) ? NumberConstructor(part) : null;
  }

  function parseIPv6(text) {
    const halves = split(text, "::");
    if (halves.length > 2) return null;
    const head = groups(halves[0], halves.length === 1);
    const tail = halves.length === 2 ? groups(halves[1], true) : [];
    if (head === null || tail === null) return null;
    const missing = 8 - head.length - tail.length;
    if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
    for (let i = 0; i < missing; i++) push(head, 0);
    for (let i = 0; i < tail.length; i++) push(head, tail[i]);
    return showIPv6(head);
  }

  function groups(text, mayEndInIPv4) {
    if (text === "") return [];
    const parts = split(text, ":");
    const numbers = [];
    for (let i = 0; i < parts.length; i++) {
      if (test(/^[0-9a-f]{1,4}$/i, parts[i])) {
        push(numbers, parseInt(parts[i], 16));
      } else {
        const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(parts[i]);
        if (bytes === null || !mayEndInIPv4 || i !== parts.length - 1) return null;
        for (let k = 1; k <= 4; k++) if (bytes[k] > 255 || test(/^0\d/, bytes[k])) return null;
        push(numbers, bytes[1] * 256 + +bytes[2], bytes[3] * 256 + +bytes[4]);
      }
    }
    return numbers;
  }

  function showIPv6(numbers) {
    let [start, length] = [-1, 1];
    for (let i = 0; i < 8; i++) {
      let count = 0;
      while (i + count < 8 && numbers[i + count] === 0) count += 1;
      if (count > length) [start, length] = [i, count];
      if (count > 0) i += count - 1;
    }
    let text = "";
    for (let i = 0; i < 8; i++) {
      if (i === start) {
        text += i === 0 ? "::" : ":";
        i += length - 1;
      } else {
        text += numberToString(numbers[i], 16) + (i < 7 ? ":" : "");
      }
    }
    return text;
  }

  Object.assign(runtime, { urlHost: { escape, unescape, parseHost } });
});
