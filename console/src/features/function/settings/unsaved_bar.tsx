import { type RefObject, useEffect, useMemo, useRef } from "react";
import { keepBelowToasts } from "../../../parts/bottom_bar.ts";
import { Button } from "../../../parts/button.tsx";
import { remainingError } from "../../../parts/violations.ts";
import { useFirstViolation } from "../../../parts/first_violation.ts";
import { countOf } from "../../../parts/format.ts";
import { Keys, useShortcuts } from "../../../parts/shortcuts.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { useUnsaved } from "../../../parts/unsaved.ts";
import { ConflictNote } from "../conflict_note.tsx";
import { FIELDS } from "./sections.ts";
import { changedLabels, type SettingsForm } from "./use_settings.ts";

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
