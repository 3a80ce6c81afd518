/** What a trigger has received, and the next runs of a schedule. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call, type Delivery, type Invocation, type Trigger } from "../../../api/client.ts";
import { Badge, StatusBadge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { enumWords, shortId } from "../../../parts/format.ts";
import { PagedTable } from "../../../parts/list.tsx";
import { Section } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { Name, Time, timeColumn } from "../../../parts/values.tsx";
import { deliveriesQuery, requestsQuery } from "./queries.ts";
import { LOCAL_ZONE, timeIn } from "./words.ts";

const SHOWN = 5;

/** The next times of a schedule, in the zone of the reader and in its own. */
export function NextRuns({ trigger }: { readonly trigger: Trigger }) {
  const zone = trigger.schedule?.timezone ?? "UTC";
  const isElsewhere = zone !== LOCAL_ZONE;
  return (
    <Section title="Next runs">
      {trigger.nextRuns.length === 0
        ? (
          <Empty
            title={trigger.paused ? "No runs while the schedule is paused" : "No further runs"}
          >
            {trigger.paused
              ? "Resume the schedule to continue."
              : "Edit the schedule to set a new time."}
          </Empty>
        )
        : (
          <ol className="function-next-runs" aria-label="Next runs">
            {trigger.nextRuns.slice(0, SHOWN).map((run) => (
              <li key={run}>
                <span>
                  {timeIn(LOCAL_ZONE, new Date(run))}{" "}
                  <span className="muted">{isElsewhere ? `your time (${LOCAL_ZONE})` : zone}</span>
                </span>
                {isElsewhere && (
                  <span className="muted">
                    {timeIn(zone, new Date(run))} in {zone}
                  </span>
                )}
                <Time value={run} />
              </li>
            ))}
          </ol>
        )}
    </Section>
  );
}

const TONES = {
  DELIVERY_STATUS_STARTED: "good",
  DELIVERY_STATUS_REPEAT: "quiet",
  DELIVERY_STATUS_REFUSED: "bad",
  DELIVERY_STATUS_UNSPECIFIED: "quiet",
} as const;

/** The requests that reached a webhook. */
export function Deliveries({ trigger }: { readonly trigger: Trigger }) {
  const query = useInfiniteQuery(deliveriesQuery(trigger));
  return (
    <Section title="Deliveries in the last 7 days">
      <PagedTable
        query={query}
        label="Deliveries"
        columns={columnsOf(trigger.functionId)}
        rowId={({ id }) => id}
        empty={
          <Empty title="No deliveries">
            Give the sender the URL above, or send a signed delivery with the form.
          </Empty>
        }
      />
    </Section>
  );
}

function columnsOf(functionId: string): readonly Column<Delivery>[] {
  return [
    timeColumn("Received", 92, ({ receivedAt }) => receivedAt, { minor: false }),
    {
      header: "Status",
      width: "80px",
      cell: ({ status }) => (
        <Badge tone={TONES[status]}>{enumWords(status, "DELIVERY_STATUS")}</Badge>
      ),
    },
    { header: "Reason", minor: true, cell: ({ reason = "" }) => <Name value={reason} /> },
    {
      header: "Invocation",
      width: "86px",
      cell: ({ invocationId }) => <InvocationLink id={invocationId} />,
    },
    {
      header: "Action",
      width: "80px",
      cell: ({ invocationId }) =>
        invocationId === undefined
          ? null
          : <Replay functionId={functionId} invocationId={invocationId} />,
    },
  ];
}

/** A link to an invocation; nothing without one. */
export function InvocationLink({ id }: { readonly id: string | undefined }) {
  if (id === undefined) return null;
  return (
    <Link to="/invocations/$invocationId" params={{ invocationId: id }} title={id}>
      <code>{shortId(id)}</code>
    </Link>
  );
}

function Replay(
  { functionId, invocationId }: { readonly functionId: string; readonly invocationId: string },
) {
  const queries = useQueryClient();
  const [replayed, setReplayed] = useState<string>();
  const replay = async () => {
    try {
      const { invocationId: id } = await call(
        "POST /api/v1/functions/{function_id}/invocations/{id}/replay",
        { path: { function_id: functionId, id: invocationId }, body: { commitId: "" } },
      );
      setReplayed(id);
      toast("Replayed", { description: `Invocation ${shortId(id)}` });
      await queries.invalidateQueries({ queryKey: ["invocation"] });
    } catch (error) {
      toastError("Could not replay the invocation", error);
    }
  };
  if (replayed !== undefined) return <InvocationLink id={replayed} />;
  return (
    <Button
      look="plain"
      aria-label={`Replay ${shortId(invocationId)}`}
      onClick={() => void replay()}
    >
      Replay
    </Button>
  );
}

const COLUMNS: readonly Column<Invocation>[] = [
  timeColumn("Received", 110, ({ createdAt }) => createdAt),
  { header: "Method", width: "80px", cell: ({ http }) => http?.method ?? "" },
  { header: "Path", cell: ({ http }) => <Name value={http?.path ?? ""} /> },
  { header: "Response", width: "70px", cell: ({ http }) => http?.status ?? "–" },
  {
    header: "Status",
    width: "110px",
    minor: true,
    cell: ({ status, error, failure, http }) => (
      <StatusBadge
        status={status}
        error={error}
        failure={failure}
        // The answer has a column of its own.
        http={failure === undefined ? undefined : http}
      />
    ),
  },
  { header: "Invocation", width: "100px", cell: ({ id }) => <InvocationLink id={id} /> },
];

/** The last requests to an endpoint. */
export function EndpointRequests({ trigger }: { readonly trigger: Trigger }) {
  const query = useQuery(requestsQuery(trigger));
  return (
    <Section title="Recent requests">
      <Loaded query={query}>
        {(rows) => (
          <DataTable
            label="Recent requests"
            columns={COLUMNS}
            rows={rows}
            rowId={({ id }) => id}
            empty={
              <Empty title="No requests">
                Send one with the form above, or call the URL of the endpoint.
              </Empty>
            }
          />
        )}
      </Loaded>
    </Section>
  );
}
