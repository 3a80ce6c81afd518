import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "../../../api/keys.ts";
import type { Fn } from "../../../api/types.ts";
import { toast } from "../../../parts/toasts.tsx";
import { functionQuery } from "../queries.ts";
import { type Settings, updateSettings } from "./patch.ts";

/** The form of some settings, whose drafts have the names of the settings. */
export interface SectionState<D> {
  readonly draft: D;
  readonly edit: (change: Partial<D>) => void;
  /** Settings whose draft differs from what the function has. */
  readonly changed: readonly string[];
  /** Of them those that somebody else has changed since they were edited here. */
  readonly conflicts: readonly string[];
  readonly error: unknown;
  readonly isSaving: boolean;
  /** Saves what changed, unless somebody else has changed that, too, and the page has not shown it yet. */
  readonly save: () => Promise<void>;
  /** Shows what the function has again. */
  readonly discard: () => void;
  /** Shows what somebody else has set, and keeps the other edits. */
  readonly takeTheirs: () => void;
}

/**
 * Keeps what is typed until it is saved or discarded, whatever becomes of the function meanwhile. What is not edited
 * follows the function.
 * @param read the drafts of a function
 * @param write the settings of drafts
 */
export function useSection<D extends object>(
  fn: Fn,
  read: (fn: Fn) => D,
  write: (draft: D) => Settings,
): SectionState<D> {
  const queries = useQueryClient();
  const [edits, setEdits] = useState<Partial<D>>({});
  /** What each edited setting was when its first edit was made. */
  const [base, setBase] = useState<Partial<D>>({});
  const [state, setState] = useState<{ isSaving: boolean; error?: unknown }>({ isSaving: false });
  const current = read(fn);
  const draft = { ...current, ...edits };
  const names = Object.keys(edits) as (keyof D & string)[];
  const changed = names.filter((name) => !isSame(draft[name], current[name]));
  const conflicts = changed.filter((name) => !isSame(base[name], current[name]));

  const save = async () => {
    setState({ isSaving: true });
    try {
      const newest = await queries.fetchQuery({ ...functionQuery(fn.id), staleTime: 0 });
      if (changed.some((name) => !isSame(read(newest)[name], current[name]))) {
        setState({ isSaving: false });
        return;
      }
      const all: Readonly<Record<string, unknown>> = write(draft);
      const settings = Object.fromEntries(changed.map((name) => [name, all[name]]));
      const saved = await updateSettings(fn.id, settings);
      queries.setQueryData(keys.function(fn.id), saved);
      // What was typed while it was saved stays.
      setEdits((now) => without(now, (name) => isSame(now[name], draft[name])));
      setBase(read(saved));
      setState({ isSaving: false });
      toast("Saved");
    } catch (error) {
      setState({ isSaving: false, error });
    }
  };
  return {
    draft,
    edit: (change) => {
      setBase((before) => ({ ...current, ...without(before, (name) => !(name in edits)) }));
      // What is as it was follows the function again.
      setEdits((now) =>
        without(
          { ...now, ...change },
          (name) => name in change && isSame(change[name], current[name]),
        )
      );
    },
    changed,
    conflicts,
    ...state,
    error: state.error,
    save,
    discard: () => {
      setEdits({});
      setState({ isSaving: false });
    },
    takeTheirs: () =>
      setEdits((now) => without(now, (name) => conflicts.some((each) => each === name))),
  };
}

function without<D extends object>(
  edits: Partial<D>,
  isGone: (name: keyof D) => boolean,
): Partial<D> {
  const kept = Object.entries(edits).filter(([name]) => !isGone(name as keyof D));
  return Object.fromEntries(kept) as Partial<D>;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
