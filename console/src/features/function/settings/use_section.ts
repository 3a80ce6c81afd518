import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "../../../api/keys.ts";
import type { Fn } from "../../../api/types.ts";
import { toast } from "../../../parts/toasts.tsx";
import { type Edits, isSame, useEdits } from "../edits.ts";
import { functionQuery } from "../queries.ts";
import { type Settings, updateSettings } from "./patch.ts";

/** The form of some settings, whose drafts have the names of the settings. */
export interface SectionState<D> extends Omit<Edits<D>, "saved"> {
  readonly error: unknown;
  readonly isSaving: boolean;
  /** Saves what changed, unless somebody else has changed that, too, and the page has not shown it yet. */
  readonly save: () => Promise<void>;
}

/**
 * @param read the drafts of a function
 * @param write the settings of drafts
 */
export function useSection<D extends object>(
  fn: Fn,
  read: (fn: Fn) => D,
  write: (draft: D) => Settings,
): SectionState<D> {
  const queries = useQueryClient();
  const current = read(fn);
  const { saved, ...edits } = useEdits(current);
  const { draft, changed, discard } = edits;
  const [state, setState] = useState<{ isSaving: boolean; error?: unknown }>({ isSaving: false });

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
      const updated = await updateSettings(fn.id, settings);
      queries.setQueryData(keys.function(fn.id), updated);
      saved(read(updated));
      setState({ isSaving: false });
      toast("Saved");
    } catch (error) {
      setState({ isSaving: false, error });
    }
  };
  return {
    ...edits,
    ...state,
    error: state.error,
    save,
    discard: () => {
      discard();
      setState({ isSaving: false });
    },
  };
}
