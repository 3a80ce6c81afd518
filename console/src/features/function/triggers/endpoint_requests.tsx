import { useQuery } from "@tanstack/react-query";
import type { Invocation, Trigger } from "../../../api/types.ts";
import { StatusBadge } from "../../../parts/badge.tsx";
import { Section } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { Name, Time } from "../../../parts/values.tsx";
import { InvocationLink } from "./deliveries.tsx";
import { requestsQuery } from "./queries.ts";

const COLUMNS: readonly Column<Invocation>[] = [
  {
    id: "time",
    header: "Received",
    width: "110px",
    minor: true,
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
  { id: "method", header: "Method", width: "80px", cell: ({ http }) => http?.method ?? "" },
  { id: "path", header: "Path", cell: ({ http }) => <Name value={http?.path ?? ""} /> },
  { id: "answer", header: "Response", width: "70px", cell: ({ http }) => http?.status ?? "–" },
  {
    id: "status",
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
  {
    id: "invocation",
    header: "Invocation",
    width: "100px",
    cell: ({ id }) => <InvocationLink id={id} />,
  },
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
