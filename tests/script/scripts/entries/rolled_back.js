async run({ duckdb }) {
  await duckdb.exec("BEGIN");
  try {
    for (const step of ["DELETE FROM hold WHERE stale", "INSERT INTO hold_log FROM hold"]) {
      await duckdb.exec(step);
    }
  } catch (problem) {
    await duckdb.exec("ROLLBACK");
    throw problem;
  }
  await duckdb.exec("COMMIT");
  return { moved: true };
},
