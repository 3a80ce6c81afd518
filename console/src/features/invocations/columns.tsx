import { Link } from "@tanstack/react-router";
import { StatusBadge } from "../../parts/badge.tsx";
import type { Column } from "../../parts/table.tsx";
import { Duration, Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { triggerWord } from "./filter.ts";
import type { Row } from "./list.ts";

export const COLUMNS: readonly Column<Row>[] = [
  {
    id: "status",
    header: "Status",
    width: "150px",
    cell: (row) => <StatusBadge {...row} />,
  },
  {
    id: "function",
    header: "Function",
    cell: ({ id, functionId }) => (
      <Link to="/invocations/$invocationId" params={{ invocationId: id }}>
        <FunctionName id={functionId} />
      </Link>
    ),
  },
  {
    id: "started",
    header: "Started",
    width: "110px",
    minor: true,
    cell: ({ startedAt, createdAt }) => <Time value={startedAt ?? createdAt} />,
  },
  {
    id: "duration",
    header: "Duration",
    width: "90px",
    align: "end",
    minor: true,
    cell: (row) => <Duration ms={durationOf(row)} />,
  },
  {
    id: "trigger",
    header: "Trigger",
    width: "96px",
    minor: true,
    cell: ({ trigger }) => triggerWord(trigger),
  },
  {
    id: "attempt",
    header: "Attempt",
    width: "64px",
    align: "end",
    minor: true,
    cell: ({ attempt }) => attempt ?? <span className="muted">–</span>,
  },
  {
    id: "preview",
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
export function durationOf(
  { startedAt, endedAt }: {
    readonly startedAt?: string | undefined;
    readonly endedAt?: string | undefined;
  },
): number | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  return Math.max(Date.parse(endedAt) - Date.parse(startedAt), 0);
}
