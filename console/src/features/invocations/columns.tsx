import { Link } from "@tanstack/react-router";
import { StatusBadge } from "../../parts/badge.tsx";
import type { Column } from "../../parts/table.tsx";
import { Duration, Name, timeColumn } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { triggerWord } from "./filter.ts";
import type { Row } from "./list.ts";

export const COLUMNS: readonly Column<Row>[] = [
  { header: "Status", width: "150px", cell: (row) => <StatusBadge {...row} /> },
  {
    header: "Function",
    cell: ({ id, functionId }) => (
      <Link to="/invocations/$invocationId" params={{ invocationId: id }}>
        <FunctionName id={functionId} />
      </Link>
    ),
  },
  timeColumn("Started", 110, ({ startedAt, createdAt }) => startedAt ?? createdAt),
  {
    header: "Duration",
    width: "90px",
    align: "end",
    minor: true,
    cell: (row) => <Duration ms={durationOf(row)} />,
  },
  { header: "Trigger", width: "96px", minor: true, cell: ({ trigger }) => triggerWord(trigger) },
  {
    header: "Attempt",
    width: "64px",
    align: "end",
    minor: true,
    cell: ({ attempt }) => attempt ?? <span className="muted">–</span>,
  },
  {
    header: "Input or error",
    minor: true,
    cell: ({ preview, error }) => (
      <span className={error === undefined ? "invocations-input mono" : "invocations-error"}>
        <Name value={preview} />
      </span>
    ),
  },
];

/** From the start of the first attempt to the end, in ms; undefined while it runs. */
export function durationOf({ startedAt, endedAt }: {
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
}): number | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  return Math.max(Date.parse(endedAt) - Date.parse(startedAt), 0);
}
