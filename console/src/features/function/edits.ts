import { useState } from "react";

/** A form of values that others may change meanwhile. */
export interface Edits<D> {
  readonly draft: D;
  readonly edit: (change: Partial<D>) => void;
  /** Values whose draft differs from the current one. */
  readonly changed: readonly (keyof D & string)[];
  /** Of them those that somebody else has changed since they were edited here. */
  readonly conflicts: readonly (keyof D & string)[];
  /** Shows the current values again. */
  readonly discard: () => void;
  /** Shows what somebody else has set, and keeps the other edits. */
  readonly takeTheirs: () => void;
  /** Goes on from what was saved; what was typed while it was saved stays. */
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

/** Whether two values of a form are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function without<D extends object>(
  edits: Partial<D>,
  isGone: (name: keyof D) => boolean,
): Partial<D> {
  const kept = Object.entries(edits).filter(([name]) => !isGone(name as keyof D));
  return Object.fromEntries(kept) as Partial<D>;
}
