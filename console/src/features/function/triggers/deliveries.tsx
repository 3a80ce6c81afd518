import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../../api/client.ts";
import type { Delivery, Trigger } from "../../../api/types.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { enumWords, shortId } from "../../../parts/format.ts";
import { Section } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../../parts/table.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { Name, Time } from "../../../parts/values.tsx";
import { deliveriesQuery } from "./queries.ts";

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
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label="Deliveries"
            columns={columnsOf(trigger.functionId)}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ id }) => id}
            empty={
              <Empty title="No deliveries">
                Give the sender the URL above, or send a signed delivery with the form.
              </Empty>
            }
            more={moreOf(query)}
          />
        )}
      </Loaded>
    </Section>
  );
}

function columnsOf(functionId: string): readonly Column<Delivery>[] {
  return [
    {
      id: "time",
      header: "Received",
      width: "92px",
      cell: ({ receivedAt }) => <Time value={receivedAt} />,
    },
    {
      id: "status",
      header: "Status",
      width: "80px",
      cell: ({ status }) => (
        <Badge tone={TONES[status]}>{enumWords(status, "DELIVERY_STATUS")}</Badge>
      ),
    },
    {
      id: "reason",
      header: "Reason",
      minor: true,
      cell: ({ reason = "" }) => <Name value={reason} />,
    },
    {
      id: "invocation",
      header: "Invocation",
      width: "86px",
      cell: ({ invocationId }) => <InvocationLink id={invocationId} />,
    },
    {
      id: "action",
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
