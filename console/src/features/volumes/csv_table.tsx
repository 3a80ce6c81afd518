import { useEffect, useState } from "react";
import { Loading, Note } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Name, visibleText } from "../../parts/values.tsx";

/** What is used of papaparse, which has no types of its own. */
interface Parser {
  parse(text: string, options: { readonly skipEmptyLines: boolean }): {
    readonly data: string[][];
    readonly errors: readonly { readonly message: string }[];
  };
}

interface Row {
  readonly id: string;
  readonly cells: readonly string[];
}

interface Table {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly violation: string | undefined;
}

const MAX_COLUMNS = 50;

/** CSV with the first line as the head. */
export function CsvTable({ text }: { readonly text: string }) {
  const [table, setTable] = useState<Table>();
  useEffect(() => {
    void import("papaparse").then(({ default: parser }: { default: Parser }) => {
      const { data, errors } = parser.parse(text, { skipEmptyLines: true });
      setTable(tableOf(data, errors[0]?.message));
    });
  }, [text]);
  if (table === undefined) return <Loading rows={4} />;
  return (
    <div className="volumes-csv">
      {table.violation === undefined ? null : <Note tone="warn">{table.violation}</Note>}
      <DataTable
        label="Rows of the file"
        columns={table.columns}
        rows={table.rows}
        rowId={({ id }) => id}
        empty={<Note>The file has no rows</Note>}
      />
    </div>
  );
}

function tableOf([head = [], ...rows]: string[][], violation: string | undefined): Table {
  return {
    columns: head.slice(0, MAX_COLUMNS).map((name, index) => ({
      id: String(index),
      header: name === "" ? `Column ${index + 1}` : visibleText(name),
      sortBy: ({ cells }) => valueOf(cells[index] ?? ""),
      cell: ({ cells }) => <Name value={cells[index] ?? ""} />,
    })),
    rows: rows.map((cells, index) => ({ id: String(index), cells })),
    violation,
  };
}

/** Numbers sort as numbers. */
function valueOf(cell: string): string | number {
  return cell.trim() !== "" && Number.isFinite(Number(cell)) ? Number(cell) : cell;
}
