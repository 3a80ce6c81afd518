/** What the forms of a function share: settings, triggers and files that others may change meanwhile. */
import { useQuery } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { ApiError } from "../../api/client.ts";
import { keys, readVolumes } from "../../api/queries.ts";
import { Button } from "../../parts/button.tsx";
import { SelectField } from "../../parts/field.tsx";
import { shortId, visibleText } from "../../parts/format.ts";
import { Note } from "../../parts/states.tsx";
import { isSame } from "./typed_values.ts";

/** A form of values that others may change meanwhile. */
export interface Edits<D> {
  readonly draft: D;
  readonly edit: (change: Partial<D>) => void;
  /** Values whose draft differs from the current one. */
  readonly changed: readonly (keyof D & string)[];
  /** Changed values that somebody else has also changed since the edit began. */
  readonly conflicts: readonly (keyof D & string)[];
  /** Shows the current values again. */
  readonly discard: () => void;
  /** Shows what somebody else has set, and keeps the other edits. */
  readonly takeTheirs: () => void;
  /** Takes the saved values as current, and keeps what the reader typed during the save. */
  readonly saved: (current: D) => void;
}

/**
 * Keeps what is typed until it is saved or discarded, whatever becomes of the current values meanwhile. Other fields
 * follow the current values.
 */
export function useEdits<D extends object>(current: D): Edits<D> {
  const [edits, setEdits] = useState<Partial<D>>({});
  /** What each edited value was when its first edit was made. */
  const [base, setBase] = useState<Partial<D>>({});
  const draft = { ...current, ...edits };
  const names = Object.keys(edits) as (keyof D & string)[];
  const changed = names.filter((name) => !isSame(draft[name], current[name]));
  const conflicts = changed.filter((name) => !isSame(base[name], current[name]));
  return {
    draft,
    edit: (change) => {
      setBase((before) => ({ ...current, ...without(before, (name) => !(name in edits)) }));
      // A field with its original value follows the current value again.
      setEdits((now) =>
        without(
          { ...now, ...change },
          (name) => name in change && isSame(change[name], current[name]),
        )
      );
    },
    changed,
    conflicts,
    discard: () => setEdits({}),
    takeTheirs: () =>
      setEdits((now) => without(now, (name) => conflicts.some((each) => each === name))),
    saved: (next) => {
      setEdits((now) => without(now, (name) => isSame(now[name], draft[name])));
      setBase(next);
    },
  };
}

function without<D extends object>(
  edits: Partial<D>,
  isGone: (name: keyof D) => boolean,
): Partial<D> {
  const kept = Object.entries(edits).filter(([name]) => !isGone(name as keyof D));
  return Object.fromEntries(kept) as Partial<D>;
}

/** Says which of the edited values somebody else has changed, if any. */
export function ConflictNote({ conflicts, onTake }: {
  /** The values by their labels in the form. */
  readonly conflicts: readonly string[];
  /** Shows what the others have set. */
  readonly onTake: () => void;
}) {
  if (conflicts.length === 0) return null;
  return (
    <Note tone="warn">
      <span>
        Changed elsewhere since you began: {[...new Set(conflicts)].join(", ")}. Save keeps yours.
      </span>
      <Button onClick={onTake}>Take theirs</Button>
    </Note>
  );
}

/**
 * Asks before the page is left with unsaved changes.
 * @param what names the unsaved values, to follow "Leave without saving"
 * @returns lets the form leave without a question, once it is saved or cancelled
 */
export function useUnsaved(isDirty: boolean, what: string): () => void {
  const isDone = useRef(false);
  useBlocker({
    shouldBlockFn: ({ current, next }) => {
      // Another part of the page is no other page.
      const isSame = current.pathname === next.pathname &&
        JSON.stringify(current.search) === JSON.stringify(next.search);
      return !isSame && !isDone.current && !globalThis.confirm(`Leave without saving ${what}?`);
    },
    enableBeforeUnload: isDirty,
    disabled: !isDirty,
  });
  return () => {
    isDone.current = true;
  };
}

/**
 * An error whose violations begin with the labels of their fields in the form. A screen reader announces an error
 * without the field beside it. Errors that are not of the API are returned unchanged.
 * @param labels by the paths of fields, without the resource before them
 */
export function labelledViolations(
  error: unknown,
  labels: Readonly<Record<string, string>>,
): unknown {
  if (!(error instanceof ApiError)) return error;
  const fields = error.fields.map(({ field, description }) => {
    // After the name of the resource, and before an index.
    const path = field.replace(/^(?:function|trigger)\./, "").replace(/\[\d+\]$/, "");
    const label = Object.hasOwn(labels, path) ? labels[path] : undefined;
    return { field, description: label === undefined ? description : `${label}: ${description}` };
  });
  return new ApiError(error.status, error.reason, error.message, fields);
}

/** The newest volumes by their names. */
const choicesQuery = {
  queryKey: [...keys.volumes(), "choices"],
  queryFn: ({ signal }: { readonly signal: AbortSignal }) => readVolumes(signal),
};

/** Chooses a volume by its name. */
export function VolumeField({ none, value, ...rest }: {
  readonly label: string;
  /** What having no volume is called. */
  readonly none: string;
  readonly hint?: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (id: string) => void;
}) {
  const { data = [] } = useQuery(choicesQuery);
  const isKnown = value === "" || data.some(({ id }) => id === value);
  return (
    <SelectField
      {...rest}
      value={value}
      options={[
        { value: "", label: none },
        ...isKnown ? [] : [{ value, label: shortId(value) }],
        ...data.map(({ id, displayName }) => ({ value: id, label: visibleText(displayName) })),
      ]}
    />
  );
}
