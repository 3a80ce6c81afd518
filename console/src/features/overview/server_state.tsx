import { useQuery } from "@tanstack/react-query";
import type { ServerStatus } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { countOf, formatCount, formatDuration, parseDuration } from "../../parts/format.ts";
import { Properties } from "../../parts/page.tsx";
import { Loaded } from "../../parts/states.tsx";
import { DataTable } from "../../parts/table.tsx";
import { Bytes, Time } from "../../parts/values.tsx";
import { statusQuery } from "./queries.ts";

/** Slots, queue, processes, walls and disk of the server that answered, and the workers of a cluster. */
export function ServerState() {
  const query = useQuery(statusQuery);
  return (
    <Loaded query={query}>
      {(status) => (
        <>
          {status.paused === undefined ? null : <Paused {...status.paused} />}
          {status.damaged === undefined ? null : <Damaged damages={status.damaged} />}
          <div className="columns">
            <Properties
              items={[
                ["Slots", <Slots key="slots" {...status.slots} />],
                ["Queue", `${countOf(status.slots.queued, "invocation")} waiting`],
                ["Isolation", status.walls],
                ["Disk", <Disk key="disk" {...status.disk} />],
              ]}
            />
            <Properties
              items={[
                ["Version", status.version],
                ["Uptime", formatDuration(parseDuration(status.uptime) ?? 0)],
                ...processesOf(status),
              ]}
            />
          </div>
          {status.workers === undefined ? null : <Workers workers={status.workers} />}
        </>
      )}
    </Loaded>
  );
}

/** Says that a restored server waits to be resumed. */
function Paused({ backupAt }: NonNullable<ServerStatus["paused"]>) {
  return (
    <p role="status">
      <Badge tone="bad">Paused</Badge> This server was restored from a backup of{" "}
      <Time value={backupAt} />. Schedules, webhooks, retries and asynchronous invocations wait for
      {" "}
      <code>invoked resume</code>.
    </p>
  );
}

/** Lists stored data that is damaged. */
function Damaged({ damages }: { readonly damages: readonly string[] }) {
  return (
    <div role="status">
      <p>
        <Badge tone="bad">Damaged</Badge> Stored data is damaged. On the server's machine,{" "}
        <code>invoked verify --online</code> names what is lost.
      </p>
      <ul>
        {damages.map((damage) => <li key={damage}>{damage}</li>)}
      </ul>
    </div>
  );
}

function Slots({ running, limit, perSecond }: ServerStatus["slots"]) {
  const rate = perSecond === undefined ? "" : `, ${formatCount(Math.round(perSecond))} per second`;
  return (
    <span className="row">
      <meter min={0} max={limit} value={running} aria-label="Slots in use" />
      {`${formatCount(running)} of ${formatCount(limit)}${rate}`}
    </span>
  );
}

function Disk({ freeBytes, totalBytes, isAlmostFull, databaseBytes }: ServerStatus["disk"]) {
  return (
    <span className="row">
      <span>
        <Bytes value={freeBytes} /> free of <Bytes value={totalBytes} />
        {databaseBytes === undefined ? null : (
          <>
            ; database <Bytes value={databaseBytes} />
          </>
        )}
      </span>
      {isAlmostFull && <Badge tone="bad">Low</Badge>}
    </span>
  );
}

type Property = readonly [name: string, value: React.ReactNode];

function processesOf(
  { root, templates, instances, workers }: ServerStatus,
): readonly Property[] {
  if (workers !== undefined && root === undefined) return [["Processes", "On the workers"]];
  if (root === undefined || templates === undefined || instances === undefined) {
    return [["Processes", "Started for each invocation"]];
  }
  return [
    [
      "Instances",
      `${formatCount(instances.waiting)} waiting, ${formatCount(instances.count)} in total`,
    ],
    [
      "Templates",
      `${formatCount(templates.blank)} generic, ${formatCount(templates.script)} for scripts`,
    ],
    ...processMemory([root.privateBytes, templates.privateBytes, instances.privateBytes]),
  ];
}

/** Nothing if the server may not inspect its processes. */
function processMemory(groups: readonly (number | undefined)[]): readonly Property[] {
  const known = groups.filter((bytes) => bytes !== undefined);
  if (known.length < groups.length) return [];
  const value = known.reduce((sum, bytes) => sum + bytes, 0);
  return [["Process memory", <Bytes key="memory" value={value} />]];
}

type Worker = NonNullable<ServerStatus["workers"]>[number];

const WORKER_COLUMNS = [
  { header: "Worker", cell: ({ id }: Worker) => <span className="mono">{id}</span> },
  {
    header: "Free slots",
    width: "140px",
    cell: ({ free, capacity }: Worker) => `${formatCount(free)} of ${formatCount(capacity)}`,
  },
  { header: "Version", width: "120px", cell: ({ version }: Worker) => version },
  {
    header: "State",
    width: "110px",
    cell: ({ isDraining }: Worker) =>
      isDraining ? <Badge tone="warn">Draining</Badge> : <Badge tone="good">Ready</Badge>,
  },
] as const;

function Workers({ workers }: { readonly workers: readonly Worker[] }) {
  return (
    <DataTable
      label="Workers"
      columns={WORKER_COLUMNS}
      rows={workers}
      rowId={({ id }) => id}
      empty={
        <p className="muted">No workers are connected. Invocations wait until a worker connects.</p>
      }
    />
  );
}
