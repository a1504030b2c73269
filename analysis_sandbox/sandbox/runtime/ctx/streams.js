// Streams: large answers of datasources, one chunk after the other, never two at once.
(function (runtime) {
  "use strict";

  const { apply, defineProperty } = Reflect;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { isError } = Error;
  const { freeze, keys, prototype: objectPrototype, getPrototypeOf } = Object;
  const { asyncIterator } = Symbol;
  const ErrorConstructor = Error;
  const TypeErrorConstructor = TypeError;
  const { call, decorate, scriptStack } = runtime;

  /**
   * Return the stream that `name` opens at a datasource. With an `onChunk` among the options of
   * `args`, return the promise of its end instead.
   */
  function stream(datasource, name, args) {
    const { given, onChunk } = withoutCallback(args);
    const found = makeStream(datasource, name, given);
    return onChunk === null ? found : found.forEach(onChunk);
  }

  /** Take `onChunk` out of the options, which go to the host. */
  function withoutCallback(args) {
    const given = [];
    let onChunk = null;
    for (let i = 0; i < args.length; i++) {
      let argument = args[i];
      if (onChunk === null && isOptions(argument) && argument.onChunk !== undefined) {
        onChunk = argument.onChunk;
        argument = rest(argument);
        if (argument === null) continue;
      }
      defineProperty(given, given.length, {
        value: argument,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return { given, onChunk };
  }

  function isOptions(value) {
    if (typeof value !== "object" || value === null || isArray(value) || isView(value)) return false;
    const parent = getPrototypeOf(value);
    return parent === objectPrototype || parent === null;
  }

  function rest(options) {
    const members = { __proto__: null };
    let count = 0;
    const names = keys(options);
    for (let i = 0; i < names.length; i++) {
      if (names[i] === "onChunk") continue;
      members[names[i]] = options[names[i]];
      count += 1;
    }
    return count === 0 ? null : members;
  }

  function makeStream(datasource, name, args) {
    // Opened when the first chunk is asked for: what nobody reads costs nothing.
    let opening = null;
    let done = false;

    async function next() {
      if (done) return { done: true, value: undefined };
      if (opening === null) opening = call("stream.open", datasource, name, args);
      try {
        const answer = await call("stream.next", (await opening).stream);
        if (answer.done) {
          done = true;
          return { done: true, value: undefined };
        }
        return { done: false, value: decorate(answer.value) };
      } catch (error) {
        // The host has closed it.
        done = true;
        throw error;
      }
    }

    async function close(value) {
      const wasOpen = opening !== null && !done;
      done = true;
      if (wasOpen) await call("stream.close", (await opening).stream);
      return { done: true, value };
    }

    async function forEach(callback) {
      if (typeof callback !== "function") {
        throw new TypeErrorConstructor(
          `${datasource}.${name} needs a function that takes a chunk, not ${runtime.format(callback)}`,
        );
      }
      const site = new ErrorConstructor();
      try {
        for (let index = 0; ; index++) {
          const chunk = await next();
          if (chunk.done) return;
          await apply(callback, undefined, [chunk.value, index]);
        }
      } catch (error) {
        locate(error, site);
        if (!done) await close();
        throw error;
      }
    }

    const iterator = freeze({ next, return: close, forEach, [asyncIterator]: () => iterator });
    return iterator;
  }

  // After the first await nothing tells where the script asked.
  function locate(error, site) {
    if (!isError(error) || runtime.originOf(error) === undefined) return;
    if (error.stack === "" || error.stack === undefined) {
      const value = scriptStack(site.stack);
      defineProperty(error, "stack", { value, writable: true, configurable: true });
    }
  }

  Object.assign(runtime, { stream });
});
