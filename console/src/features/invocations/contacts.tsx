import { Badge } from "../../parts/badge.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { enumWords, formatCount } from "../../parts/format.ts";
import { Properties, Section } from "../../parts/page.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Bytes, Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { InvocationLink } from "./facts.tsx";
import type { WholeInvocation } from "./queries.ts";

interface Shown {
  readonly invocation: WholeInvocation;
}

type Verdict = NonNullable<WholeInvocation["egress"]>[number];

const VERDICTS: readonly Column<Verdict>[] = [
  { header: "Host", cell: ({ host }) => <Name value={host === "" ? "–" : host} /> },
  {
    header: "Verdict",
    width: "110px",
    cell: ({ verdict }) => (
      <Badge tone={verdict === "EGRESS_VERDICT_ALLOWED" ? "quiet" : "bad"}>
        {enumWords(verdict, "EGRESS_VERDICT")}
      </Badge>
    ),
  },
  { header: "Connections", width: "100px", align: "end", cell: ({ count }) => formatCount(count) },
  {
    header: "Bytes",
    width: "100px",
    align: "end",
    cell: ({ bytes }) => <Bytes value={Number(bytes)} />,
  },
];

/** What it reached, or tried to. */
export function Egress({ invocation }: Shown) {
  const { egress = [] } = invocation;
  if (egress.length === 0) return null;
  return (
    <Section title="Egress">
      <DataTable
        label="Hosts and verdicts"
        columns={VERDICTS}
        rows={egress}
        rowId={({ host, verdict }) => `${verdict} ${host}`}
        empty={null}
      />
    </Section>
  );
}

/** The request of an endpoint that it answered. */
export function Http({ invocation: { http } }: Shown) {
  if (http === undefined) return null;
  return (
    <Section title="Request">
      <Properties
        items={[
          ["Request", <Name key="path" value={`${http.method} ${http.path}`} />],
          ["Status", http.status ?? "The client disconnected"],
          ["Request body", <Bytes key="read" value={Number(http.requestBytes)} />],
          ["Response body", <Bytes key="sent" value={Number(http.responseBytes)} />],
        ]}
      />
      {http.requestBody === undefined
        ? null
        : <CodeBlock text={http.requestBody} label="the start of the request's body" />}
    </Section>
  );
}

const DESTINATION_TONES: Readonly<Record<string, "good" | "bad">> = {
  DESTINATION_STATE_DELIVERED: "good",
  DESTINATION_STATE_FAILED: "bad",
};

/** Where its end was sent. */
export function Destination({ invocation: { destination } }: Shown) {
  if (destination === undefined) return null;
  const { state, attempts, error, url, functionId, invocationId } = destination;
  const tone = DESTINATION_TONES[state] ?? "quiet";
  return (
    <Section title="Destination">
      <Properties
        items={[
          ["State", <Badge key="state" tone={tone}>{enumWords(state, "DESTINATION_STATE")}</Badge>],
          url === undefined ? undefined : ["URL", <Name key="url" value={url} />],
          functionId === undefined
            ? undefined
            : ["Function", <FunctionName key="function" id={functionId} />],
          invocationId === undefined
            ? undefined
            : ["Invocation", <InvocationLink key="invocation" id={invocationId} />],
          ["Attempts", attempts],
          error === undefined ? undefined : [
            "Error",
            <CodeBlock key="error" text={error} label="the error of the destination" />,
          ],
          destination.nextAttemptAt === undefined
            ? undefined
            : ["Next attempt", <Time key="next" value={destination.nextAttemptAt} />],
          ["Changed", <Time key="changed" value={destination.updatedAt} />],
        ]}
      />
    </Section>
  );
}
