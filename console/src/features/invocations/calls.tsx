import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Section } from "../../parts/page.tsx";
import { DataTable } from "../../parts/table.tsx";
import { COLUMNS } from "./columns.tsx";
import { InvocationLink } from "./facts.tsx";
import { madeCallsQuery, SHOWN_CALLS, type WholeInvocation } from "./queries.ts";

/** The chain of nested calls: the one that made it, and those that it made. */
export function Calls({ invocation }: { readonly invocation: WholeInvocation }) {
  const { id, parentInvocationId } = invocation;
  const { data } = useQuery(madeCallsQuery(id));
  const made = data?.list ?? [];
  if (parentInvocationId === undefined && made.length === 0) return null;
  return (
    <Section
      title="Nested calls"
      actions={data?.hasMore === true
        ? (
          <Link to="/invocations" search={{ parent: id }}>
            Show all (more than {SHOWN_CALLS})
          </Link>
        )
        : undefined}
    >
      {parentInvocationId === undefined ? null : (
        <p>
          Called by <InvocationLink id={parentInvocationId} />
        </p>
      )}
      <DataTable
        label="Calls that it made, newest first"
        columns={COLUMNS}
        rows={made}
        rowId={(row) => row.id}
        empty={<p className="muted">It made no calls.</p>}
      />
    </Section>
  );
}
