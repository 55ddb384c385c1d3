// Statements over pg, prepared once for each connection of its pool.
import pg from "pg";
import { AFTER, NEWEST, ONE } from "./statements.mjs";

export function open(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 16 });
  const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

  // One statement for all rows of a table: the rows are one parameter.
  async function add(client, table, each) {
    const columns = Object.keys(each[0]).join(", ");
    const text = `INSERT INTO ${table} (${columns})
      SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`;
    await client.query({ name: `insert ${table}`, text, values: [JSON.stringify(each)] });
  }

  return {
    no: false,
    one: async (id) => (await rows("one", ONE, ["default", id]))[0] ?? null,
    page: (first, cursor) =>
      cursor ? rows("after", AFTER, ["default", cursor, first]) : rows("newest", NEWEST, ["default", first]),
    insert: async (tables) => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        for (const [table, each] of Object.entries(tables)) await add(client, table, each);
        await client.query("COMMIT");
      } finally {
        client.release();
      }
    },
  };
}
