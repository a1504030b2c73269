// Text to the parts of a URL and back, as browsers and Node do it (the WHATWG's URL standard).
(function (runtime) {
  "use strict";

  const { uncurry } = runtime;
  const { escape, parseHost } = runtime.urlHost;
  const NumberConstructor = Number;
  const StringConstructor = String;
  const exec = uncurry(RegExp.prototype.exec);
  const indexOf = uncurry(String.prototype.indexOf);
  const join = uncurry(Array.prototype.join);
  const lastIndexOf = uncurry(String.prototype.lastIndexOf);
  const push = uncurry(Array.prototype.push);
  const replace = uncurry(String.prototype.replace);
  const search = uncurry(String.prototype.search);
  const slice = uncurry(String.prototype.slice);
  const sliceArray = uncurry(Array.prototype.slice);
  const split = uncurry(String.prototype.split);
  const test = uncurry(RegExp.prototype.test);
  const toLowerCase = uncurry(String.prototype.toLowerCase);

  // The ports that go without saying.
  const SPECIAL = { __proto__: null, http: 80, https: 443, ws: 80, wss: 443, ftp: 21, file: null };
  const DRIVE = /^[a-z][:|]$/i;
  const STARTS_WITH_DRIVE = /^[a-z][:|](?:[/\\?#]|$)/i;

  function isSpecial(url) {
    return url.scheme in SPECIAL;
  }

  function blank(scheme) {
    return {
      scheme,
      username: "",
      password: "",
      host: null,
      port: null,
      path: [],
      opaque: null,
      query: null,
      fragment: null,
    };
  }

  function clean(input) {
    const trimmed = replace(replace(input, /^[\0-\x20]+/, ""), /[\0-\x20]+$/, "");
    return replace(trimmed, /[\t\n\r]/g, "");
  }

  /** Return the parts of the URL that `input` is, seen from `base`; null if it is none. */
  function parse(input, base) {
    const text = clean(input);
    const found = exec(/^([a-z][a-z0-9+\-.]*):/i, text);
    if (found !== null) {
      return parseAfterScheme(blank(toLowerCase(found[1])), slice(text, found[0].length), base);
    }
    if (base === null) return null;
    if (base.opaque !== null) {
      if (text[0] !== "#") return null;
      return { ...base, fragment: escape(slice(text, 1), "fragment") };
    }
    const url = blank(base.scheme);
    return base.scheme === "file" ? parseFile(url, text, base) : parseRelative(url, text, base);
  }

  function parseAfterScheme(url, rest, base) {
    if (url.scheme === "file") {
      return parseFile(url, rest, base?.scheme === "file" ? base : null);
    }
    if (isSpecial(url)) {
      if (base !== null && base.scheme === url.scheme && !test(/^\/\//, rest)) {
        return parseRelative(url, rest, base);
      }
      return parseAuthority(url, replace(rest, /^[/\\]+/, ""));
    }
    if (test(/^\/\//, rest)) return parseAuthority(url, slice(rest, 2));
    if (rest[0] === "/") return parseTail(url, rest);
    const { body, query, fragment } = cutTail(rest);
    // Spaces at the end would be lost when it is parsed again.
    const kept = replace(body, / $/, (space) => (query === null && fragment === null ? "" : "%20"));
    url.opaque = escape(kept, "control");
    return setTail(url, query, fragment);
  }

  function parseRelative(url, text, base) {
    const slash = isSpecial(url) ? /^[/\\]/ : /^\//;
    if (test(slash, text)) {
      if (test(slash, slice(text, 1))) {
        const skipped = isSpecial(url) ? replace(text, /^[/\\]+/, "") : slice(text, 2);
        return parseAuthority(url, skipped);
      }
      return parseTail(copyAuthority(url, base), text);
    }
    copyAuthority(url, base);
    return parseBeside(url, text, base);
  }

  function copyAuthority(url, base) {
    url.username = base.username;
    url.password = base.password;
    url.host = base.host;
    url.port = base.port;
    return url;
  }

  /** Parse what stands in the place of the last part of the base's path. */
  function parseBeside(url, text, base) {
    const { body, query, fragment } = cutTail(text);
    url.path = sliceArray(base.path);
    if (body !== "") {
      shorten(url);
      parsePath(url, body);
    } else if (query === null) {
      url.query = base.query;
    }
    return setTail(url, query, fragment);
  }

  function cutTail(text) {
    const hash = indexOf(text, "#");
    const before = hash < 0 ? text : slice(text, 0, hash);
    const mark = indexOf(before, "?");
    return {
      body: mark < 0 ? before : slice(before, 0, mark),
      query: mark < 0 ? null : slice(before, mark + 1),
      fragment: hash < 0 ? null : slice(text, hash + 1),
    };
  }

  function setTail(url, query, fragment) {
    if (query !== null) url.query = escapeQuery(url, query);
    if (fragment !== null) url.fragment = escape(fragment, "fragment");
    return url;
  }

  function escapeQuery(url, query) {
    return escape(query, isSpecial(url) ? "specialQuery" : "query");
  }

  function parseTail(url, text) {
    const { body, query, fragment } = cutTail(text);
    parsePath(url, body);
    return setTail(url, query, fragment);
  }

  function parseAuthority(url, text) {
    const end = search(text, isSpecial(url) ? /[/\\?#]/ : /[/?#]/);
    let authority = end < 0 ? text : slice(text, 0, end);
    const at = lastIndexOf(authority, "@");
    if (at >= 0) {
      const credentials = slice(authority, 0, at);
      const colon = indexOf(credentials, ":");
      url.username = escape(colon < 0 ? credentials : slice(credentials, 0, colon), "userinfo");
      if (colon >= 0) url.password = escape(slice(credentials, colon + 1), "userinfo");
      authority = slice(authority, at + 1);
      if (authority === "") return null;
    }
    if (!parseHostAndPort(url, authority)) return null;
    return parseTail(url, end < 0 ? "" : slice(text, end));
  }

  /** Take the host and the port out of the text; false if they are none. */
  function parseHostAndPort(url, text) {
    const found = exec(/^((?:\[[^\]]*\]?|[^:[])*)(?::(.*))?$/s, text);
    if (found === null) return false;
    if (found[1] === "" && (isSpecial(url) || found[2] !== undefined)) return false;
    const host = found[1] === "" ? "" : parseHost(found[1], isSpecial(url));
    if (host === null) return false;
    url.host = host;
    return found[2] === undefined || parsePort(url, found[2]);
  }

  function parsePort(url, text) {
    if (!test(/^\d*$/, text)) return false;
    if (text === "") return true;
    const port = NumberConstructor(text);
    if (port > 65535) return false;
    url.port = SPECIAL[url.scheme] === port ? null : port;
    return true;
  }

  function parsePath(url, text) {
    const special = isSpecial(url);
    if (text === "" && !special) return;
    const separator = special ? /[/\\]/ : "/";
    const starts = special ? /^[/\\]/ : /^\//;
    const segments = split(test(starts, text) ? slice(text, 1) : text, separator);
    for (let i = 0; i < segments.length; i++) {
      const isLast = i === segments.length - 1;
      let segment = segments[i];
      if (test(/^(?:\.|%2e){2}$/i, segment)) {
        shorten(url);
        if (isLast) push(url.path, "");
      } else if (test(/^(?:\.|%2e)$/i, segment)) {
        if (isLast) push(url.path, "");
      } else {
        if (url.scheme === "file" && url.path.length === 0 && test(DRIVE, segment)) {
          segment = `${segment[0]}:`;
        }
        push(url.path, escape(segment, "path"));
      }
    }
  }

  function shorten(url) {
    const { path, scheme } = url;
    if (scheme === "file" && path.length === 1 && test(/^[a-z]:$/i, path[0])) return;
    if (path.length > 0) path.length -= 1;
  }

  function parseFile(url, text, base) {
    url.host = "";
    if (test(/^[/\\]{2}/, text)) return parseFileHost(url, slice(text, 2));
    if (test(/^[/\\]/, text)) {
      if (base !== null) {
        url.host = base.host;
        const drive = base.path[0];
        if (!test(STARTS_WITH_DRIVE, slice(text, 1)) && drive && test(/^[a-z]:$/i, drive)) {
          push(url.path, drive);
        }
      }
      return parseTail(url, text);
    }
    if (base === null) return parseTail(url, text);
    url.host = base.host;
    if (test(STARTS_WITH_DRIVE, text)) return parseTail(url, text);
    return parseBeside(url, text, base);
  }

  function parseFileHost(url, text) {
    const end = search(text, /[/\\?#]/);
    const name = end < 0 ? text : slice(text, 0, end);
    if (test(DRIVE, name)) return parseTail(url, text);
    if (name !== "") {
      const host = parseHost(name, true);
      if (host === null) return null;
      url.host = host === "localhost" ? "" : host;
    }
    return parseTail(url, end < 0 ? "" : slice(text, end));
  }

  function pathname(url) {
    if (url.opaque !== null) return url.opaque;
    return url.path.length === 0 ? "" : `/${join(url.path, "/")}`;
  }

  function authority(url) {
    if (url.host === null) return "";
    return url.port === null ? url.host : `${url.host}:${StringConstructor(url.port)}`;
  }

  function serialize(url) {
    let text = `${url.scheme}:`;
    if (url.host !== null) {
      text += "//";
      if (url.username !== "" || url.password !== "") {
        text += url.username + (url.password === "" ? "" : `:${url.password}`);
        text += "@";
      }
      text += authority(url);
    } else if (url.opaque === null && url.path.length > 1 && url.path[0] === "") {
      text += "/.";
    }
    text += pathname(url);
    if (url.query !== null) text += `?${url.query}`;
    return url.fragment === null ? text : `${text}#${url.fragment}`;
  }

  Object.assign(runtime.urlHost, {
    SPECIAL,
    authority,
    escapeQuery,
    isSpecial,
    parse,
    parseHostAndPort,
    parsePath,
    parsePort,
    pathname,
    serialize,
  });
});
