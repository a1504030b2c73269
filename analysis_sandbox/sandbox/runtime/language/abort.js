// AbortController and AbortSignal, and the events they need.
(function (runtime) {
  "use strict";

  const { apply, defineProperty } = Reflect;
  const { performance } = globalThis;
  const DOMExceptionConstructor = DOMException;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { setTimeout } = globalThis;
  const { global, uncurry } = runtime;
  const push = uncurry(Array.prototype.push);
  const slice = uncurry(Array.prototype.slice);
  const splice = uncurry(Array.prototype.splice);

  let target;
  let isStopped;

  class Event {
    #type;
    #target = null;
    #cancelable;
    #isPrevented = false;
    #isStopped = false;
    #timeStamp = performance.now();

    static {
      target = (event, value) => {
        event.#target = value;
      };
      isStopped = (event) => event.#isStopped;
    }

    constructor(type, options) {
      if (arguments.length === 0) throw new TypeErrorConstructor("An Event needs a type");
      this.#type = `${type}`;
      this.#cancelable = !!options?.cancelable;
    }

    get type() {
      return this.#type;
    }

    get target() {
      return this.#target;
    }

    get currentTarget() {
      return this.#target;
    }

    get cancelable() {
      return this.#cancelable;
    }

    get defaultPrevented() {
      return this.#isPrevented;
    }

    get timeStamp() {
      return this.#timeStamp;
    }

    preventDefault() {
      if (this.#cancelable) this.#isPrevented = true;
    }

    stopPropagation() {}

    stopImmediatePropagation() {
      this.#isStopped = true;
    }
  }

  class EventTarget {
    #listeners = [];

    #find(type, callback) {
      for (let i = 0; i < this.#listeners.length; i++) {
        const listener = this.#listeners[i];
        if (listener.type === type && listener.callback === callback) return i;
      }
      return -1;
    }

    addEventListener(type, callback, options) {
      if (callback === null || callback === undefined) return;
      const name = StringConstructor(type);
      if (this.#find(name, callback) >= 0) return;
      const signal = options?.signal;
      if (signal?.aborted) return;
      push(this.#listeners, { type: name, callback, once: !!options?.once });
      signal?.addEventListener("abort", () => this.removeEventListener(name, callback));
    }

    removeEventListener(type, callback) {
      const at = this.#find(StringConstructor(type), callback);
      if (at >= 0) splice(this.#listeners, at, 1);
    }

    dispatchEvent(event) {
      if (!(event instanceof Event)) throw new TypeErrorConstructor("dispatchEvent needs an Event");
      target(event, this);
      const listeners = slice(this.#listeners);
      for (let i = 0; i < listeners.length && !isStopped(event); i++) {
        const { type, callback, once } = listeners[i];
        if (type !== event.type || this.#find(type, callback) < 0) continue;
        if (once) this.removeEventListener(type, callback);
        try {
          if (typeof callback === "function") apply(callback, this, [event]);
          else callback.handleEvent(event);
        } catch (error) {
          runtime.fail(error);
        }
      }
      return !event.defaultPrevented;
    }
  }

  let makeSignal;
  let abort;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #followers = [];
    #handler = null;

    static {
      makeSignal = () => {
        isOpen = true;
        const signal = new AbortSignal();
        isOpen = false;
        return signal;
      };
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined
          ? new DOMExceptionConstructor("This operation was aborted", "AbortError")
          : reason;
        const followers = signal.#followers;
        signal.dispatchEvent(new Event("abort"));
        for (let i = 0; i < followers.length; i++) abort(followers[i], signal.#reason);
      };
    }

    constructor() {
      if (!isOpen) throw new TypeErrorConstructor("Illegal constructor");
      super();
    }

    static abort(reason) {
      const signal = makeSignal();
      abort(signal, reason);
      return signal;
    }

    static timeout(milliseconds) {
      const signal = makeSignal();
      const message = "The operation was aborted due to timeout";
      setTimeout(
        () => abort(signal, new DOMExceptionConstructor(message, "TimeoutError")),
        milliseconds,
      );
      return signal;
    }

    static any(signals) {
      const signal = makeSignal();
      for (const source of [...signals]) {
        if (source.#aborted) {
          abort(signal, source.#reason);
          break;
        }
        push(source.#followers, signal);
      }
      return signal;
    }

    get aborted() {
      return this.#aborted;
    }

    get reason() {
      return this.#reason;
    }

    get onabort() {
      return this.#handler;
    }

    set onabort(handler) {
      if (this.#handler !== null) this.removeEventListener("abort", this.#handler);
      this.#handler = typeof handler === "function" ? handler : null;
      this.addEventListener("abort", this.#handler);
    }

    throwIfAborted() {
      if (this.#aborted) throw this.#reason;
    }
  }

  let isOpen = false;

  class AbortController {
    #signal = makeSignal();

    get signal() {
      return this.#signal;
    }

    abort(reason) {
      abort(this.#signal, reason);
    }
  }

  for (const type of [Event, EventTarget, AbortSignal, AbortController]) {
    defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
    global(type.name, type);
  }
});
