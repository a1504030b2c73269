// A double for the warehouse and the notes, as unit tests of a script build it.
const notes = new Map();
ctx.metadata = { get: (key) => notes.get(key), set: (key, value) => void notes.set(key, value) };
ctx.duckdb = {
  async exec(_sql) {},
  async query() { return []; },
  load: async (source, sql, into) => ({ source, sql, into }),
  "export": async () => undefined,
  tables: async () => [...notes.keys()],
  describe: async (into) => ({ into, rows: 0 }),
};
