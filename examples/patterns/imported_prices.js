// Text from elsewhere: CSV is parsed, checked with its hash, compressed and kept in the warehouse.
const PRICES = `route;fare;currency
EWR-LAX;329.50;USD
JFK-SFO;"1,050.00";USD
LGA-ATL;189.00;USD
`;

export default {
  title: "Import a price list",

  async run(ctx) {
    const rows = ctx.utils.parseCSV(PRICES, { delimiter: ";", headers: true });
    const fares = rows.map(({ route, fare, currency }) => {
      const [origin, dest] = route.split("-");
      return { origin, dest, fare: Number(fare.replaceAll(",", "")), currency };
    });
    await ctx.duckdb.saveDataFrame(ctx.DataFrame(fares), "fares", { mode: "overwrite" });

    const packed = ctx.utils.compress(PRICES, "zstd");
    return {
      fares,
      sha256: ctx.utils.hash(PRICES, "sha256"),
      bytes: { plain: PRICES.length, packed: packed.length },
      total: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(
        fares.reduce((sum, row) => sum + row.fare, 0),
      ),
    };
  },
};
