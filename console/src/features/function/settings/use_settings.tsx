import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { ApiError, type Fn } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { countOf } from "../../../parts/format.ts";
import { keepBelowToasts, useFirstViolation } from "../../../parts/in_view.ts";
import { Keys, useShortcuts } from "../../../parts/shortcuts.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { remainingError } from "../../../parts/violations.ts";
import { ConflictNote, type Edits, labelledViolations, useEdits, useUnsaved } from "../forms.tsx";
import { functionQuery } from "../queries.ts";
import { isSame } from "../typed_values.ts";
import { atItsField } from "./destinations.tsx";
import { type FieldLabels, updateSettings } from "./section.tsx";
import { draftOf, FIELDS, type SettingName, type SettingsDraft, settingsOf } from "./sections.ts";

/** The form of all settings that are saved together; a draft has the name of its setting. */
interface SettingsForm extends Omit<Edits<SettingsDraft>, "saved"> {
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
  const labels = FIELDS as FieldLabels;
  const changed = Object.keys(labels).filter((path) => {
    const [name = ""] = path.split(".");
    return names.some((each) => each === name) && !isSame(at(draft, path), at(current, path));
  });
  // A group is named by what has changed in it.
  const innermost = changed.filter((path) =>
    !changed.some((other) => other.startsWith(`${path}.`))
  );
  return [...new Set(innermost.map((path) => labels[path] ?? path))];
}

function at(draft: object, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name],
    draft,
  );
}

/** Names that the bar shows in full. */
const NAMES_MAX = 3;

/** The unsaved changes of all sections, in a bar that stays in sight. Without a change there is no bar. */
export function UnsavedBar({ form, page }: {
  readonly form: SettingsForm;
  /** Gets the focus of a button that goes with the bar. */
  readonly page: RefObject<HTMLElement | null>;
}) {
  const { changed, isSaving, save, discard, error } = form;
  const isDirty = changed.length > 0;
  const names = changedLabels(form, changed);
  useUnsaved(isDirty, inWords(names));
  useFirstViolation(error, page);
  useSaveKey(save);
  useFocusAfter(isDirty, page);
  const rest = remainingError(error, Object.keys(FIELDS));
  if (!isDirty) return null;
  return (
    <div
      ref={keepBelowToasts}
      className="function-unsaved"
      role="region"
      aria-label="Unsaved changes"
    >
      <ConflictNote conflicts={changedLabels(form, form.conflicts)} onTake={form.takeTheirs} />
      {rest === undefined ? null : <ErrorNote error={rest} />}
      <div className="function-unsaved-line">
        <span role="status" className="function-unsaved-names">
          <strong>{countOf(names.length, "unsaved change")}</strong>
          <span className="muted">: {inWords(names)}</span>
        </span>
        <Button onClick={discard} disabled={isSaving}>Discard</Button>
        <Button
          look="primary"
          busy={isSaving}
          onClick={() => void save()}
        >
          Save <Keys keys="Mod+S" />
        </Button>
      </div>
    </div>
  );
}

function inWords(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  const shown = names.slice(0, NAMES_MAX).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Ctrl+S saves, wherever the focus is. */
function useSaveKey(save: () => Promise<void>): void {
  const newest = useRef(save);
  newest.current = save;
  useShortcuts(
    useMemo(() => [{ keys: "Mod+S", label: "Save", run: () => void newest.current() }], []),
  );
}

/** A button that was pressed goes with the bar: its focus stays on the page. */
function useFocusAfter(isDirty: boolean, page: RefObject<HTMLElement | null>): void {
  const wasDirty = useRef(isDirty);
  useEffect(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body;
    if (wasDirty.current && !isDirty && isLost) page.current?.focus({ preventScroll: true });
    wasDirty.current = isDirty;
  }, [isDirty, page]);
}
