import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import type { Fields } from "../../../../../src/resources/field.ts";
import {
  CORS,
  HTTP,
  TRIGGER_SETTINGS,
  WEBHOOK,
  WEBHOOK_METHODS,
} from "../../../../../src/resources/triggers.ts";
import { slugOf } from "../../../../../src/shared/slugs.ts";
import { ApiError, call, type Trigger } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button, CancelButton } from "../../../parts/button.tsx";
import { Dialog, useSubmit } from "../../../parts/dialog.tsx";
import { fieldsOf, TextField } from "../../../parts/field.tsx";
import { useFirstViolation } from "../../../parts/in_view.ts";
import { ErrorNote } from "../../../parts/states.tsx";
import { remainingError, violationOf } from "../../../parts/violations.ts";
import { ConflictNote, labelledViolations, useEdits, useUnsaved, VolumeField } from "../forms.tsx";
import { isSame } from "../typed_values.ts";
import { draftOf, fieldsBetween, requestOf, type TriggerDraft } from "./drafts.ts";
import { triggersQuery } from "./queries.ts";
import { secretIn, type ShownSecret } from "./secrets.tsx";
import { KindFields } from "./trigger_fields.tsx";
import { type Kind, KIND_WORDS } from "./words.ts";

/** Fields whose violations the form shows beside them. */
const VIOLATIONS: Readonly<Record<Kind, readonly string[]>> = {
  schedule: pathsOf("schedule", TRIGGER_SETTINGS.schedule),
  webhook: pathsOf("webhook", TRIGGER_SETTINGS.webhook),
  http: pathsOf("http", TRIGGER_SETTINGS.http),
};

function pathsOf(prefix: string, fields: Fields): readonly string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    if (field.kind === "group") return pathsOf(`${prefix}.${name}`, field.fields);
    return field.kind === "flag" ? [] : [`${prefix}.${name}`];
  });
}

const { jwt, discord, header } = WEBHOOK_METHODS;
/** Labels of the values in the fields. */
const WORDS: Readonly<Record<keyof TriggerDraft, string>> = {
  ...labelsOf(TRIGGER_SETTINGS.schedule),
  ...labelsOf(WEBHOOK),
  ...labelsOf(HTTP),
  ...labelsOf(CORS.fields),
  displayName: "Name",
  vfsId: "Volume",
  repeats: "Runs",
  stored: TRIGGER_SETTINGS.schedule.at.label,
  method: "Sender",
  secret: TRIGGER_SETTINGS.http.secret.label,
  jwksUrl: jwt.fields.jwksUrl.label,
  publicKey: discord.fields.publicKey.label,
  headerName: header.fields.name.label,
  headerPrefix: header.fields.prefix.label,
  headerEncoding: header.fields.encoding.label,
  verifyToken: TRIGGER_SETTINGS.webhook.verifyToken.label,
  hasCors: "CORS",
};

function labelsOf<F extends Readonly<Record<string, { readonly label: string }>>>(fields: F) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { label }]) => [name, label]),
  ) as { readonly [Name in keyof F]: string };
}

/** Labels of the API's fields in the form. */
const LABELS = Object.fromEntries(
  ["displayName", "vfsId", ...Object.values(VIOLATIONS).flat()].map((path) => [path, wordOf(path)]),
);

function wordOf(path: string): string {
  const [last = "", parent] = path.split(".").reverse();
  const name = parent === "header" ? `header${last[0]?.toUpperCase()}${last.slice(1)}` : last;
  return WORDS[name as keyof TriggerDraft];
}

interface TriggerFormProps {
  readonly functionId: string;
  readonly kind: Kind;
  /** The one that is edited; undefined makes a new one. */
  readonly trigger?: Trigger;
  readonly onClose: () => void;
  readonly onSaved: (trigger: Trigger, secret: ShownSecret | undefined) => void;
}

/** Makes or edits a trigger, in a dialog that keeps what is typed until it is saved or closed. */
export function TriggerForm(props: TriggerFormProps) {
  const { functionId, kind, trigger, onClose, onSaved } = props;
  const queries = useQueryClient();
  const current = draftOf(trigger);
  const edits = useEdits(current);
  const { draft, changed } = edits;
  const isNewEndpoint = kind === "http" && trigger === undefined;
  const noun = KIND_WORDS[kind].toLowerCase();
  const leave = useUnsaved(changed.length > 0, `the ${noun}`);
  const close = () => {
    leave();
    onClose();
  };
  const { busy, error, submit } = useSubmit(async () => {
    try {
      const newest = trigger === undefined ? undefined : await readNewest(queries, trigger);
      const before = draftOf(newest);
      if (newest !== undefined && changed.some((name) => !isSame(before[name], current[name]))) {
        return;
      }
      const mine = Object.fromEntries(changed.map((name) => [name, draft[name]]));
      const saved = await save(functionId, kind, { ...before, ...mine }, newest);
      await queries.invalidateQueries({ queryKey: keys.triggers(functionId) });
      await queries.invalidateQueries({ queryKey: keys.function(functionId) });
      leave();
      onSaved(saved.trigger, secretIn(saved, draft.secret));
    } catch (error) {
      throw labelledViolations(error, LABELS);
    }
  });
  const form = useRef<HTMLFormElement>(null);
  useFirstViolation(error, form);
  const rest = remainingError(error, ["displayName", "vfsId", ...VIOLATIONS[kind]]);
  return (
    <Dialog
      open
      onClose={close}
      size="large"
      unsaved={changed.length > 0}
      title={trigger === undefined ? `New ${noun}` : `Edit the ${noun}`}
    >
      <form ref={form} className="stack" noValidate onSubmit={submit}>
        <ConflictNote
          conflicts={edits.conflicts.map((name) => WORDS[name])}
          onTake={edits.takeTheirs}
        />
        <Fields
          kind={kind}
          draft={draft}
          error={error}
          onChange={(change) => edits.edit(isNewEndpoint ? withSlug(draft, change) : change)}
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary" busy={busy}>
            {trigger === undefined ? `Create the ${noun}` : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The slug of a new endpoint follows its name until somebody types another. */
function withSlug(
  { displayName, slug }: TriggerDraft,
  change: Partial<TriggerDraft>,
): Partial<TriggerDraft> {
  const follows = change.displayName !== undefined && slug === slugOf(displayName);
  return follows ? { ...change, slug: slugOf(change.displayName ?? "") } : change;
}

function Fields({ kind, draft, error, onChange }: {
  readonly kind: Kind;
  readonly draft: TriggerDraft;
  readonly error: unknown;
  readonly onChange: (change: Partial<TriggerDraft>) => void;
}) {
  const field = fieldsOf(draft, onChange, (path) => violationOf(error, path));
  return (
    <>
      <div className="function-fields">
        <TextField label="Name" autoFocus {...field("displayName")} />
        <VolumeField label="Volume" none="The function's volume" {...field("vfsId")} />
      </div>
      <KindFields kind={kind} draft={draft} field={field} edit={onChange} />
    </>
  );
}

/** The trigger as the server has it now. */
async function readNewest(queries: QueryClient, known: Trigger): Promise<Trigger> {
  const all = await queries.fetchQuery({ ...triggersQuery(known.functionId), staleTime: 0 });
  return all.find(({ id }) => id === known.id) ?? known;
}

/** Makes a trigger, or changes the fields that differ. Throws `ApiError`. */
async function save(functionId: string, kind: Kind, draft: TriggerDraft, before?: Trigger) {
  const request = checkedRequest(kind, draft);
  const trigger = request as never;
  if (before === undefined) {
    return await call("POST /api/v1/functions/{function_id}/triggers", {
      path: { function_id: functionId },
      body: { trigger },
    });
  }
  const fields = fieldsBetween(kind, requestOf(kind, draftOf(before)), request);
  if (fields.length === 0) return { trigger: before };
  return await call("PATCH /api/v1/functions/{function_id}/triggers/{id}", {
    path: { function_id: functionId, id: before.id },
    body: { trigger, updateMask: fields.join(",") },
  });
}

/** The request of a draft, in which the text of the input is JSON. Throws `ApiError`. */
function checkedRequest(kind: Kind, draft: TriggerDraft) {
  try {
    return requestOf(kind, draft);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const description = `is not JSON: ${error.message}`;
    throw new ApiError(0, "", "The input is not JSON", [{ field: "schedule.input", description }]);
  }
}
