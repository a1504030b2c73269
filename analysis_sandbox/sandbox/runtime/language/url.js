// URL.
(function (runtime) {
  "use strict";

  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { defineProperty } = Reflect;
  const { uncurry } = runtime;
  const {
    SPECIAL,
    URLSearchParams,
    authority,
    bind,
    escape,
    escapeQuery,
    isSpecial,
    need,
    parse,
    parseHostAndPort,
    parsePath,
    parsePort,
    pathname,
    publish,
    serialize,
    text,
  } = runtime.urlHost;
  const exec = uncurry(RegExp.prototype.exec);
  const replace = uncurry(String.prototype.replace);
  const search = uncurry(String.prototype.search);
  const slice = uncurry(String.prototype.slice);
  const toLowerCase = uncurry(String.prototype.toLowerCase);

  function invalid(input) {
    const error = new TypeErrorConstructor("Invalid URL");
    defineProperty(error, "code", { value: "ERR_INVALID_URL", enumerable: true });
    defineProperty(error, "input", { value: input, enumerable: true });
    return error;
  }

  function read(input, base) {
    const seenFrom = base === undefined ? null : parse(text(base), null);
    return base !== undefined && seenFrom === null ? null : parse(text(input), seenFrom);
  }

  class URL {
    #url;
    #params = null;
    #refresh = null;

    constructor(input, base) {
      need(arguments, 1, '"url" argument');
      this.#url = read(input, base);
      if (this.#url === null) throw invalid(text(input));
    }

    static canParse(input, base) {
      need(arguments, 1, '"url" argument');
      return read(input, base) !== null;
    }

    static parse(input, base) {
      need(arguments, 1, '"url" argument');
      return read(input, base) === null ? null : new URL(input, base);
    }

    get href() {
      return serialize(this.#url);
    }

    set href(value) {
      const url = parse(text(value), null);
      if (url === null) throw invalid(text(value));
      this.#url = url;
      this.#refresh?.(url.query ?? "");
    }

    get origin() {
      const { scheme, host, opaque } = this.#url;
      if (scheme === "blob") return URL.parse(opaque ?? "")?.origin ?? "null";
      const isOwn = scheme in SPECIAL && scheme !== "file";
      return isOwn && host !== null ? `${scheme}://${authority(this.#url)}` : "null";
    }

    get protocol() {
      return `${this.#url.scheme}:`;
    }

    set protocol(value) {
      const found = exec(/^([a-z][a-z0-9+\-.]*)(?::|$)/i, clear(value));
      const url = this.#url;
      const scheme = found === null ? url.scheme : toLowerCase(found[1]);
      if (scheme in SPECIAL !== isSpecial(url)) return;
      const isNamed = url.username !== "" || url.password !== "" || url.port !== null;
      if (scheme === "file" && isNamed) return;
      if (url.scheme === "file" && url.host === "") return;
      url.scheme = scheme;
      if (url.port === SPECIAL[scheme]) url.port = null;
    }

    get username() {
      return this.#url.username;
    }

    set username(value) {
      if (hasAuthority(this.#url)) this.#url.username = escape(text(value), "userinfo");
    }

    get password() {
      return this.#url.password;
    }

    set password(value) {
      if (hasAuthority(this.#url)) this.#url.password = escape(text(value), "userinfo");
    }

    get host() {
      return authority(this.#url);
    }

    set host(value) {
      this.#setHost(value, true);
    }

    get hostname() {
      return this.#url.host ?? "";
    }

    set hostname(value) {
      this.#setHost(value, false);
    }

    #setHost(value, withPort) {
      const url = this.#url;
      if (url.opaque !== null) return;
      const whole = clear(value);
      const end = search(whole, isSpecial(url) ? /[/\\?#]/ : /[/?#]/);
      const part = end < 0 ? whole : slice(whole, 0, end);
      const found = exec(/^((?:\[[^\]]*\]?|[^:[])*)(?::(\d*).*)?$/s, part);
      const hasPort = found !== null && found[2] !== undefined;
      if (found === null || (hasPort && (!withPort || url.scheme === "file"))) return;
      const bare = { ...url };
      if (found[1] === "" && (hasPort || !mayLoseHost(url))) return;
      if (found[1] === "") bare.host = "";
      else if (!parseHostAndPort(bare, found[1])) return;
      if (url.scheme === "file" && bare.host === "localhost") bare.host = "";
      url.host = bare.host;
      if (hasPort) parsePort(url, found[2]);
    }

    get port() {
      return this.#url.port === null ? "" : StringConstructor(this.#url.port);
    }

    set port(value) {
      if (!hasAuthority(this.#url)) return;
      const given = clear(value);
      const digits = exec(/^\d*/, given)[0];
      if (given === "") this.#url.port = null;
      else if (digits !== "") parsePort(this.#url, digits);
    }

    get pathname() {
      return pathname(this.#url);
    }

    set pathname(value) {
      if (this.#url.opaque !== null) return;
      this.#url.path = [];
      const given = replace(text(value), /[\t\n\r]/g, "");
      // A mark of the next part is none here.
      parsePath(
        this.#url,
        replace(given, /[?#]/g, (mark) => (mark === "?" ? "%3F" : "%23")),
      );
      if (this.#url.host === null && this.#url.path.length === 0) this.#url.path = [""];
    }

    get search() {
      return this.#url.query ? `?${this.#url.query}` : "";
    }

    set search(value) {
      const given = clear(value);
      const query = given[0] === "?" ? slice(given, 1) : given;
      this.#url.query = given === "" ? null : escapeQuery(this.#url, query);
      this.#refresh?.(given === "" ? "" : query);
    }

    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams(this.#url.query ?? "");
        this.#refresh = bind(this.#params, () => {
          const query = this.#params.toString();
          this.#url.query = query === "" ? null : query;
        });
      }
      return this.#params;
    }

    get hash() {
      return this.#url.fragment ? `#${this.#url.fragment}` : "";
    }

    set hash(value) {
      const given = clear(value);
      const fragment = given[0] === "#" ? slice(given, 1) : given;
      this.#url.fragment = given === "" ? null : escape(fragment, "fragment");
    }

    toString() {
      return this.href;
    }

    toJSON() {
      return this.href;
    }
  }

  function clear(value) {
    return replace(text(value), /[\t\n\r]/g, "");
  }

  function hasAuthority(url) {
    return url.host !== null && url.host !== "" && url.scheme !== "file";
  }

  function mayLoseHost(url) {
    if (isSpecial(url)) return url.scheme === "file";
    return url.host !== null && url.username === "" && url.password === "" && url.port === null;
  }

  publish(URL);
  delete runtime.urlHost;
});
