/** Times one operation on the registry file with the DuckDB driver alone, one prepared statement on an open connection: what the engine itself needs. */
import { readFileSync } from "node:fs"
import { DuckDBInstance } from "@duckdb/node-api"
import { drawSample, timeCalls, type Operation, type OperationRequest, type SampleRow } from "./Operations.ts"

const request = JSON.parse(process.argv[2] ?? "{}") as OperationRequest
const instance = await DuckDBInstance.create(request.target, { access_mode: "READ_ONLY" })
const connection = await instance.connect()

const STATEMENTS: Readonly<Record<Operation, string>> = {
  key: "SELECT artifact FROM key WHERE key = ?",
  hash: "SELECT uid FROM artifact WHERE hash = ? AND visibility = 1 ORDER BY created_at, uid",
  uidPrefix: "SELECT uid FROM artifact WHERE starts_with(uid, ?) ORDER BY uid LIMIT 2",
  list: `SELECT k.key, a.uid, a.key, a.suffix, a.size, a.hash, a.hash_type, a.created_at FROM key k JOIN artifact a ON a.uid = k.artifact
    WHERE k.key >= ? AND k.key < ? ORDER BY k.key`,
  count: "SELECT count(*)::INTEGER FROM artifact WHERE visibility = 1",
  dedupe: `SELECT count(a.uid)::INTEGER FROM read_csv(?, delim = '\t', quote = '', escape = '', header = false, auto_detect = false, nullstr = '\\N',
    columns = {'status': 'VARCHAR', 'rel': 'VARCHAR', 'hash': 'VARCHAR', 'hash_type': 'VARCHAR', 'size': 'BIGINT', 'suffix': 'VARCHAR', 'uid': 'VARCHAR', 'object_key': 'VARCHAR', 'code': 'VARCHAR', 'message': 'VARCHAR'}) s
    LEFT JOIN artifact a ON a.hash = s.hash AND a.hash_type = s.hash_type AND a.size = s.size AND a.visibility = 1`
}

const parameters: Record<Operation, (row: SampleRow) => readonly string[]> = {
  key: ({ key }) => [key],
  hash: ({ hash }) => [hash],
  uidPrefix: ({ uid }) => [uid.slice(0, 10)],
  // "0" is the character after "/".
  list: () => [request.folder, `${request.folder.slice(0, -1)}0`],
  count: () => [],
  dedupe: () => [request.staged]
}

const statement = await connection.prepare(STATEMENTS[request.operation])
await timeCalls(drawSample(readFileSync(request.sample, "utf8"), request.calls), async (row) => {
  parameters[request.operation](row).forEach((value, i) => statement.bindVarchar(i + 1, value))
  const rows = (await statement.runAndReadAll()).getRows()
  return request.operation === "count" || request.operation === "dedupe" ? Number(rows[0]?.[0]) : rows.length
})
connection.closeSync()
instance.closeSync()
