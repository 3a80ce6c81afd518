/** Reads CSV at once and as a stream, and writes it. */
import { parse } from "npm:csv-parse@7.0.3";
import { parse as parseSync } from "npm:csv-parse@7.0.3/sync";
import { stringify } from "npm:csv-stringify@6.9.0/sync";
import { Readable } from "node:stream";

export default async function main() {
  const text = 'name,team\nAda,"a ""b"""\nBob,c\n';
  const rows = parseSync(text, { columns: true });
  const streamed: string[][] = [];
  for await (const row of Readable.from([text]).pipe(parse({ from: 2 }))) streamed.push(row);
  return { rows, streamed, written: stringify([["x,y", 1]]) };
}
