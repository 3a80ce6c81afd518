import { Badge } from "./badge.tsx";
import { type Column, DataTable } from "./table.tsx";
import { Duration, Name, Time } from "./values.tsx";

interface AttemptRow {
  readonly attempt: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly error?: string;
}

const ERROR_CHARACTERS = 300;

const COLUMNS: readonly Column<AttemptRow>[] = [
  { id: "attempt", header: "Attempt", width: "70px", cell: ({ attempt }) => attempt },
  {
    id: "started",
    header: "Started",
    width: "120px",
    minor: true,
    cell: (row) => <Time value={row.startedAt} />,
  },
  {
    id: "duration",
    header: "Duration",
    width: "100px",
    align: "end",
    cell: ({ startedAt, endedAt }) => (
      <Duration
        ms={startedAt === undefined || endedAt === undefined
          ? undefined
          : Date.parse(endedAt) - Date.parse(startedAt)}
      />
    ),
  },
  { id: "end", header: "Outcome", cell: (row) => <End {...row} /> },
];

function End({ endedAt, error }: AttemptRow) {
  if (error !== undefined) return <Name value={error.slice(0, ERROR_CHARACTERS)} />;
  return endedAt === undefined ? "Running" : <Badge tone="good">Success</Badge>;
}

/** The attempts of an invocation, oldest first. */
export function AttemptsTable({ attempts }: { readonly attempts: readonly AttemptRow[] }) {
  return (
    <DataTable
      label="Attempts, oldest first"
      columns={COLUMNS}
      rows={attempts}
      rowId={({ attempt }) => String(attempt)}
      empty={<p className="muted">The invocation has not started.</p>}
    />
  );
}
