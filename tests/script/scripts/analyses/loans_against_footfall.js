/* Loans, visitors and opening hours are kept by three systems that know nothing of one another. */
const OPEN_LOANS = "SELECT branch, item, lent_on FROM loan WHERE returned_on IS NULL";
const VISITORS = "SELECT door_branch, day, sum(entered) AS entered FROM ticks GROUP BY 1, 2";

export default {
  title: "Loans against footfall",
  async run({ duckdb }) {
    await Promise.all([
      duckdb.load("lib_loans", OPEN_LOANS, "open_loan"),
      duckdb.load("door_counters", VISITORS, "footfall"),
      duckdb.load("rota_sheet", "SELECT * FROM opening", "opening"),
    ]);
    const branches = await duckdb.query(`
      WITH visits AS (SELECT door_branch AS branch, sum(entered) AS people FROM footfall GROUP BY 1)
      SELECT branch, people, count(item) AS lent, count(item) / nullif(any_value(hours), 0) AS pace
        FROM visits JOIN opening USING (branch) LEFT JOIN open_loan USING (branch)
       GROUP BY branch, people
       ORDER BY pace DESC NULLS LAST`);
    const quiet = branches.filter(({ lent, people }) => lent / people < 0.05);
    return { branches, quiet: quiet.map((entry) => entry.branch) };
  },
};
