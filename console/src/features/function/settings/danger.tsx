import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call, type Fn, type Schemas } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { ConfirmDialog, typeableName, useSubmit } from "../../../parts/dialog.tsx";
import { fieldsOf, SelectField, TextField } from "../../../parts/field.tsx";
import { countOf, formatBytes, visibleText } from "../../../parts/format.ts";
import { Section } from "../../../parts/page.tsx";
import { useCommands } from "../../../parts/shortcuts.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { remainingError, violationOf } from "../../../parts/violations.ts";
import { useStillHere } from "../../../shell/list_position.tsx";
import { FUNCTION_GROUP } from "../commands.ts";

export const DANGER_ID = "danger";

/** What cannot be undone. */
export function Danger({ fn }: { readonly fn: Fn }) {
  return (
    <Section title="Danger zone" id={DANGER_ID}>
      <div className="stack function-settings">
        <Purge fn={fn} />
        {fn.deletedAt === undefined && <Delete fn={fn} />}
      </div>
    </Section>
  );
}

function Delete({ fn }: { readonly fn: Fn }) {
  const triggers = fn.hookRefs?.length ?? 0;
  const [isOpen, setOpen] = useState(false);
  useCommands(useMemo(
    () => [{ label: "Delete function …", group: FUNCTION_GROUP, run: () => setOpen(true) }],
    [],
  ));
  const queries = useQueryClient();
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const erase = async () => {
    const isHere = whileHere();
    await call("DELETE /api/v1/functions/{id}", { path: { id: fn.id }, body: {} });
    toast(`Deleted ${visibleText(fn.displayName)}`);
    if (isHere()) await navigate({ to: "/functions" });
    await queries.invalidateQueries({ queryKey: ["function"] });
  };
  return (
    <div className="stack">
      <h3>Delete the function</h3>
      <p className="muted">
        It can no longer be called. Its commits and invocations stay readable.
      </p>
      {triggers === 0 ? null : (
        <p>
          A function with triggers cannot be deleted. Delete its{" "}
          <Link to="/functions/$functionId/triggers" params={{ functionId: fn.id }}>
            {countOf(triggers, "trigger")}
          </Link>{" "}
          first.
        </p>
      )}
      <div>
        <Button look="danger" onClick={() => setOpen(true)}>Delete the function</Button>
      </div>
      <ConfirmDialog
        open={isOpen}
        onClose={() => setOpen(false)}
        title="Delete the function"
        action="Delete"
        danger
        typed={typeableName(fn.displayName, fn.id)}
        onConfirm={erase}
      >
        Invocations of the function will fail.
      </ConfirmDialog>
    </div>
  );
}

type Purged = Schemas["invoked.PurgeResponse"];

const KINDS = [
  { value: "invocations", label: "Invocations that ended" },
  { value: "files", label: "Files of commits" },
];

interface Draft {
  readonly kind: string;
  /** Local time, as the field has it. */
  readonly before: string;
  readonly commitId: string;
  readonly path: string;
}

const EMPTY: Draft = { kind: "invocations", before: "", commitId: "", path: "" };

function requestOf({ kind, before, commitId, path }: Draft) {
  if (kind === "files") return { commitId: commitId.trim(), path: path.trim() };
  const time = before === "" ? new Date() : new Date(before);
  return { before: time.toISOString(), commitId: "", path: "" };
}

/** Erases invocations or files for good, after it has counted them. */
function Purge({ fn }: { readonly fn: Fn }) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(EMPTY);
  /** What was counted, and the request that erases that. */
  const [counted, setCounted] = useState<{ request: ReturnType<typeof requestOf>; of: Purged }>();
  const send = (request: ReturnType<typeof requestOf>, dryRun: boolean) =>
    call("POST /api/v1/functions/{function_id}/purge", {
      path: { function_id: fn.id },
      body: { ...request, dryRun },
    });
  const { busy, error, submit } = useSubmit(async () => {
    const request = requestOf(draft);
    setCounted({ request, of: await send(request, true) });
  });
  const erase = async () => {
    if (counted === undefined) return;
    toast(`Purged ${inWords(await send(counted.request, false))}`);
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["invocation"] }),
      queries.invalidateQueries({ queryKey: keys.commits(fn.id) }),
    ]);
  };
  return (
    <form className="stack" aria-label="Purge" onSubmit={submit}>
      <h3>Purge</h3>
      <p className="muted">Permanently erases inputs, outputs, logs or files.</p>
      <PurgeFields
        draft={draft}
        error={error}
        onChange={(change) => setDraft({ ...draft, ...change })}
      />
      <div className="row">
        <Button type="submit" busy={busy}>Count what would be purged</Button>
      </div>
      <ConfirmDialog
        open={counted !== undefined}
        onClose={() => setCounted(undefined)}
        title="Purge"
        action="Purge"
        danger
        typed="purge"
        onConfirm={erase}
      >
        {counted === undefined ? null : <Counts of={counted.of} />}
      </ConfirmDialog>
    </form>
  );
}

function PurgeFields({ draft, error, onChange }: {
  readonly draft: Draft;
  readonly error: unknown;
  readonly onChange: (change: Partial<Draft>) => void;
}) {
  const rest = remainingError(error, ["before", "commitId", "path"]);
  const field = fieldsOf(draft, onChange, (name) => violationOf(error, name));
  return (
    <>
      <div className="function-fields">
        <SelectField label="What" options={KINDS} {...field("kind")} />
        {draft.kind === "invocations"
          ? (
            <TextField
              label="Ended before"
              hint="In your local time. If empty: now"
              type="datetime-local"
              {...field("before")}
            />
          )
          : (
            <>
              <TextField
                label="Commit"
                hint="The commit's id. If empty: every commit with the file"
                mono
                {...field("commitId")}
              />
              <TextField
                label="File"
                hint="The file's path. If empty: every file of the commit"
                mono
                {...field("path")}
              />
            </>
          )}
      </div>
      {rest === undefined ? null : <ErrorNote error={rest} />}
    </>
  );
}

function Counts({ of }: { readonly of: Purged }) {
  const { commitIds, remaining } = of;
  return (
    <div className="stack">
      <p>This erases {inWords(of)}.</p>
      {commitIds.length === 0
        ? null
        : <p>{countOf(commitIds.length, "commit")} can no longer run.</p>}
      {remaining.length === 0
        ? null
        : <p>The same content stays in {countOf(remaining.length, "other commit")}.</p>}
    </div>
  );
}

function inWords({ invocations, files, bytes }: Purged): string {
  const parts = [
    countOf(invocations, "invocation"),
    countOf(files, "file"),
    formatBytes(Number(bytes)),
  ];
  return parts.join(", ");
}
