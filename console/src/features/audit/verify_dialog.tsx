import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { call, type Schemas } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { countOf, enumWords, formatCount } from "../../parts/format.ts";
import { Properties } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Name } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";

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
