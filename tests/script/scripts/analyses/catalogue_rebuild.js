// Goes on after the last finished shelf when a try has failed, and reports what it could not read.
class Progress {
  #metadata;

  constructor(metadata) {
    this.#metadata = metadata;
  }

  get shelf() {
    return this.#metadata.has("shelf") ? this.#metadata.get("shelf") : 0;
  }

  reached(shelf) {
    this.#metadata.set("shelf", shelf);
  }

  forget() {
    this.#metadata.delete("shelf");
  }
}

const quote = (text) => `'${String(text).replace(/'/g, "''")}'`;

async function raise({ duckdb }, level, text, facts = {}) {
  const values = [level, text, JSON.stringify(facts)].map(quote).join(", ");
  await duckdb.exec(`INSERT INTO bell (level, text, facts) VALUES (${values})`);
}

async function rebuild(ctx, shelf) {
  const cards = await ctx.datasource.card_index.query("SELECT isbn, title FROM card WHERE shelf = ?", [shelf]);
  const unreadable = cards.filter(({ isbn }) => !/^97[89]\d{10}$/.test(isbn));
  if (unreadable.length > cards.length / 10) {
    await raise(ctx, "urgent", `Shelf ${shelf} holds cards without a number`, { unreadable });
  }
  return cards.length - unreadable.length;
}

export default {
  title: "Rebuild the catalogue",
  dependencies: { datasources: ["card_index"] },
  async run(ctx, { shelves = 320 }) {
    const progress = new Progress(ctx.metadata);
    let cards = 0;
    for (let shelf = progress.shelf + 1; shelf <= shelves; shelf++) {
      cards += await rebuild(ctx, shelf);
      progress.reached(shelf);
    }
    progress.forget();
    return { cards };
  },
};
