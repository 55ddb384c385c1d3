// The reads of both databases, with numbered parameters in the order of their places.
const columns =
  "id, status, priority, attempt, max_attempts, created_at, started_at, finished_at, processing_time_ms, result";
export const ONE = `SELECT ${columns} FROM analysis WHERE workspace = $1 AND id = $2`;
export const NEWEST = `SELECT ${columns} FROM analysis WHERE workspace = $1 ORDER BY id DESC LIMIT $2`;
export const AFTER = `SELECT ${columns} FROM analysis WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3`;
