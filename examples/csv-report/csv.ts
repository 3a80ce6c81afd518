/** Rows and fields of a CSV (RFC 4180); empty lines and a byte order mark are left out. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  if (text.startsWith("\ufeff")) field.lastIndex = 1;
  for (let found = field.exec(text); found !== null; found = field.exec(text)) {
    const [, written = "", end = ""] = found;
    row.push(written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written);
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    if (end === "") break;
  }
  return rows;
}
