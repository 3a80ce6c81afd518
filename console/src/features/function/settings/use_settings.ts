import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Fn } from "../../../api/types.ts";
import { toast } from "../../../parts/toasts.tsx";
import { type Edits, isSame, useEdits } from "../edits.ts";
import { functionQuery } from "../queries.ts";
import { labelledViolations } from "../labelled_violations.ts";
import { atItsField } from "./destinations.tsx";
import { updateSettings } from "./patch.ts";
import type { FieldLabels } from "./section.tsx";
import { draftOf, FIELDS, type SettingName, type SettingsDraft, settingsOf } from "./sections.ts";

/** The form of all settings that are saved together; a draft has the name of its setting. */
export interface SettingsForm extends Omit<Edits<SettingsDraft>, "saved"> {
  readonly fn: Fn;
  /** Why the last save was rejected; its violations name their fields as the page does. */
  readonly error: unknown;
  readonly isSaving: boolean;
  /** Saves what changed, unless somebody else has changed that, too, and the page has not shown it yet. */
  readonly save: () => Promise<void>;
}

/** The settings of a function, as the page edits them. */
export function useSettings(fn: Fn): SettingsForm {
  const queries = useQueryClient();
  const current = draftOf(fn);
  const { saved, ...edits } = useEdits(current);
  const { draft, changed, discard } = edits;
  const [state, setState] = useState<{ isSaving: boolean; error?: unknown }>({ isSaving: false });

  const save = async () => {
    if (changed.length === 0 || state.isSaving) return;
    setState({ isSaving: true });
    try {
      const newest = draftOf(
        await queries.fetchQuery({ ...functionQuery(fn.id), staleTime: 0 }),
      );
      if (changed.some((name) => !isSame(newest[name], current[name]))) {
        setState({ isSaving: false });
        return;
      }
      const updated = await updateSettings(fn.id, settingsOf(draft, changed));
      queries.setQueryData(keys.function(fn.id), updated);
      saved(draftOf(updated));
      setState({ isSaving: false });
      toast("Saved");
    } catch (error) {
      const located = atItsField(atVolume(error), draft);
      setState({ isSaving: false, error: labelledViolations(located, FIELDS) });
    }
  };
  return {
    ...edits,
    ...state,
    fn,
    error: state.error,
    save,
    discard: () => {
      discard();
      setState({ isSaving: false });
    },
  };
}

/** The API names no field of a volume that does not exist. */
function atVolume(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.reason !== "VOLUME_NOT_FOUND") return error;
  const { status, reason, message } = error;
  return new ApiError(status, reason, message, [{ field: "vfsId", description: "does not exist" }]);
}

/** The labels of the settings whose draft differs from the function. @param names settings to compare */
export function changedLabels(
  { fn, draft }: Pick<SettingsForm, "fn" | "draft">,
  names: readonly SettingName[],
): readonly string[] {
  const current = draftOf(fn);
  const labels = Object.entries<string>(FIELDS as FieldLabels).filter(([path]) => {
    const [name = ""] = path.split(".");
    return names.some((each) => each === name) && !isSame(at(draft, path), at(current, path));
  }).map(([, label]) => label);
  return [...new Set(labels)];
}

function at(draft: object, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name],
    draft,
  );
}
