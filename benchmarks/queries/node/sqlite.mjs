// Statements over better-sqlite3, which runs them in the event loop's thread.
import Database from "better-sqlite3";
import { AFTER, NEWEST, ONE } from "./statements.mjs";

export function open(path) {
  const database = new Database(path);
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 15000", "cache_size = -65536"]) {
    database.pragma(pragma);
  }
  const prepared = new Map();
  const prepare = (sql) => {
    if (!prepared.has(sql)) prepared.set(sql, database.prepare(sql.replaceAll(/\$\d/g, "?")));
    return prepared.get(sql);
  };
  const [one, newest, after] = [ONE, NEWEST, AFTER].map(prepare);
  const insert = database.transaction((rows) => {
    for (const [table, each] of Object.entries(rows)) {
      const columns = Object.keys(each[0]);
      const statement = prepare(
        `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map((name) => `@${name}`).join(", ")})`,
      );
      for (const row of each) statement.run(row);
    }
  });
  return {
    no: 0,
    one: (id) => one.get("default", id) ?? null,
    page: (first, cursor) => (cursor ? after.all("default", cursor, first) : newest.all("default", first)),
    insert: (rows) => insert.immediate(rows),
  };
}
