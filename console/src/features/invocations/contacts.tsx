/** What an invocation reached: hosts, its caller, its destination and its volume. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { VolumeVersion } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { enumWords, formatCount } from "../../parts/format.ts";
import { Properties, Section } from "../../parts/page.tsx";
import { Loaded } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Bytes, Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { InvocationLink } from "./facts.tsx";
import { versionsQuery, type WholeInvocation } from "./queries.ts";

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

/** The volume that was attached, and what changed from the version that it saw to its own. */
export function VolumeChanges({ invocation }: { readonly invocation: WholeInvocation }) {
  const { id, vfsId, vfsVersionRead, vfsVersionWritten } = invocation;
  if (vfsId === undefined) return null;
  return (
    <Section title="Volume">
      <Properties
        items={[
          ["Volume", <VersionLink key="volume" id={vfsId} />],
          vfsVersionRead === undefined
            ? undefined
            : ["Version read", <VersionLink key="read" id={vfsId} version={vfsVersionRead} />],
          [
            "Version written",
            vfsVersionWritten === undefined
              ? "None"
              : <VersionLink key="written" id={vfsId} version={vfsVersionWritten} />,
          ],
        ]}
      />
      {vfsVersionWritten === undefined ? null : (
        <Changes
          volumeId={vfsId}
          invocationId={id}
          read={vfsVersionRead ?? vfsVersionWritten - 1}
          written={vfsVersionWritten}
        />
      )}
    </Section>
  );
}

function VersionLink({ id, version }: { readonly id: string; readonly version?: number }) {
  return (
    <Link
      to="/volumes/$volumeId"
      params={{ volumeId: id }}
      search={version === undefined ? {} : { tab: "history", version }}
    >
      {version ?? <span className="mono">{id}</span>}
    </Link>
  );
}

function Changes({ volumeId, invocationId, read, written }: {
  readonly volumeId: string;
  readonly invocationId: string;
  readonly read: number;
  readonly written: number;
}) {
  const query = useQuery(versionsQuery(volumeId, read, written));
  return (
    <Loaded query={query}>
      {(versions) =>
        versions.length === 0
          ? <p className="muted">The volume no longer keeps these versions.</p>
          : versions.map((version) => (
            <VersionPaths
              key={version.version}
              version={version}
              isOwn={version.invocationId === invocationId}
            />
          ))}
    </Loaded>
  );
}

function VersionPaths(
  { version, isOwn }: { readonly version: VolumeVersion; readonly isOwn: boolean },
) {
  const { paths, pathCount } = version;
  return (
    <div>
      <h3>
        {isOwn ? "Changed by this invocation" : `Changed by others, in version ${version.version}`}
      </h3>
      <ul className="mono">
        {paths.map((path) => (
          <li key={path}>
            <Name value={path} />
          </li>
        ))}
      </ul>
      {pathCount > paths.length && (
        <p className="muted">And {formatCount(pathCount - paths.length)} more</p>
      )}
    </div>
  );
}
