/** The dialogs of the audit log: one event, a download, and the check of the hash chain. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { call, type Schemas } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import { JsonBlock } from "../../parts/code.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { countOf, enumWords, formatCount } from "../../parts/format.ts";
import { Properties } from "../../parts/page.tsx";
import { saveFile } from "../../parts/save_file.ts";
import { ErrorNote, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Name } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import type { AuditFilter } from "./filter.ts";
import { DOWNLOAD_EVENTS_MAX, downloadEvents, eventQuery } from "./queries.ts";

type State =
  | { readonly kind: "asking" }
  | { readonly kind: "reading" | "done" | "cut"; readonly count: number }
  | { readonly kind: "failed"; readonly error: unknown };

/** Saves the events that the filter finds into a file of JSON lines. Closing the dialog ends that. */
export function DownloadDialog(
  { filter, onClose }: { readonly filter: AuditFilter; readonly onClose: () => void },
) {
  const [state, setState] = useState<State>({ kind: "asking" });
  const [reading] = useState(() => new AbortController());
  useEffect(() => () => reading.abort(), [reading]);
  const run = async () => {
    setState({ kind: "reading", count: 0 });
    try {
      const { lines, count, isWhole } = await downloadEvents(
        filter,
        (count) => setState({ kind: "reading", count }),
        reading.signal,
      );
      saveFile(lines, `audit-${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}.jsonl`);
      setState({ kind: isWhole ? "done" : "cut", count });
    } catch (error) {
      if (!reading.signal.aborted) setState({ kind: "failed", error });
    }
  };
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Dialog open onClose={onClose} title="Download events">
      <div className="stack">
        <p>
          {isFiltered ? "The events that match the filter" : "All events"}{" "}
          are saved as JSON lines in OCSF 1.3, newest first, at most{" "}
          {formatCount(DOWNLOAD_EVENTS_MAX)}.
        </p>
        <div role="status">
          {state.kind === "reading" && <p>Read {countOf(state.count, "event")} so far …</p>}
          {state.kind === "done" && <p>Saved {countOf(state.count, "event")}.</p>}
          {state.kind === "cut" && (
            <p>
              Saved the newest{" "}
              {countOf(state.count, "event")}. Older events match, too: choose an earlier time for
              them.
            </p>
          )}
        </div>
        {state.kind === "failed" && <ErrorNote error={state.error} />}
        <div className="actions">
          <Button onClick={onClose}>{state.kind === "reading" ? "Cancel" : "Close"}</Button>
          <Button look="primary" busy={state.kind === "reading"} onClick={() => void run()}>
            Download
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** All of one event. */
export function EventDialog(
  { uid, onClose }: { readonly uid: string; readonly onClose: () => void },
) {
  const query = useQuery(eventQuery(uid));
  return (
    <Dialog open onClose={onClose} title="Event" size="large">
      <Loaded query={query}>
        {(event) =>
          event === null
            ? <p>The log has no event with this uid. Its retention may have erased the event.</p>
            : <JsonBlock value={event} label="the event" />}
      </Loaded>
    </Dialog>
  );
}

type Verified = Schemas["invoked.VerifyAuditLogResponse"];
type Finding = Verified["findings"][number];

/** Checks the hash chain of the log, and shows its head. */
export function VerifyDialog({ onClose }: { readonly onClose: () => void }) {
  const [head, setHead] = useState("");
  const check = useMutation({
    mutationFn: () => {
      const noted = head.trim();
      return call("POST /api/v1/systemlog/verify", { body: noted === "" ? {} : { head: noted } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    check.mutate();
  };
  const rest = remainingError(check.error, ["head"]);
  return (
    <Dialog
      open
      onClose={onClose}
      size="large"
      title="Verify the log"
      description="Each event is chained to the event before it by a hash. The server checks every link."
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Hash of an earlier head"
          hint="If you noted one: a log that was cut or replaced since lacks it."
          value={head}
          onChange={setHead}
          error={violationOf(check.error, "head")}
          mono
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div role="status">
          {check.data === undefined ? null : <Result verified={check.data} />}
        </div>
        <div className="actions">
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" look="primary" busy={check.isPending}>Verify</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Result(
  { verified: { head, erasedUpTo, events, findings } }: { readonly verified: Verified },
) {
  const count = countOf(Number(events), "event");
  return (
    <div className="stack">
      {findings.length === 0
        ? (
          <p>
            <Badge tone="good">Intact</Badge> The server checked {count}.
          </p>
        )
        : (
          <p>
            <Badge tone="bad">Damaged</Badge> The server checked {count} and found{" "}
            {countOf(findings.length, "fault")}.
          </p>
        )}
      <Properties
        items={[
          [
            "Head",
            <span key="hash">
              <code>{head.hash}</code>
              <CopyButton text={head.hash} label="Copy the hash of the head" />
            </span>,
          ],
          ["Last event", <code key="event">{head.eventUid}</code>],
          erasedUpTo === "0"
            ? undefined
            : ["Erased by retention", countOf(Number(erasedUpTo), "event")],
        ]}
      />
      <p className="muted">
        Keep the hash of the head elsewhere, to find out later whether the log was cut.
      </p>
      {findings.length === 0 ? null : (
        <DataTable
          label="Faults"
          columns={FINDING_COLUMNS}
          rows={findings}
          rowId={({ sequence, kind }) => `${sequence} ${kind}`}
          empty={null}
        />
      )}
    </div>
  );
}

const FINDING_COLUMNS: readonly Column<Finding>[] = [
  { header: "Fault", width: "100px", cell: ({ kind }) => enumWords(kind, "") },
  { header: "Position", width: "80px", cell: ({ sequence }) => formatCount(Number(sequence)) },
  {
    header: "Event",
    width: "230px",
    minor: true,
    cell: ({ eventUid }) =>
      eventUid === ""
        ? <span className="muted">–</span>
        : (
          <Link to="/audit" search={{ event: eventUid }}>
            <code>{eventUid}</code>
          </Link>
        ),
  },
  { header: "What is wrong", minor: true, cell: ({ description }) => <Name value={description} /> },
];
