async run({ datasource: { ledger_pg: pg, ledger_my: my }, metadata }) {
  // One moment for both databases, or the sums would not match.
  const asOf = new Date().toISOString();
  const [debits, credits] = [
    await pg.query("SELECT cents FROM debit WHERE booked_at < $1", [asOf]),
    await my.query("SELECT cents FROM credit WHERE booked_at < ?", [asOf]),
  ];
  metadata.set("as_of", asOf);
  metadata.set("sizes", { debits: debits.length, credits: credits.length });
  return { asOf };
},
