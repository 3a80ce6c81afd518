import type { FormEvent, ReactNode } from "react";
import { Button } from "../../../parts/button.tsx";
import { remainingError } from "../../../parts/faults.ts";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { useUnsaved } from "../../../parts/unsaved.ts";
import { ConflictNote } from "../conflict_note.tsx";
import type { SectionState } from "./use_section.ts";

/** Some settings of the function, which are saved together. */
export function SectionForm<D>(
  { title, about, section, words, faults, children }: {
    readonly title: string;
    readonly about?: ReactNode;
    readonly section: SectionState<D>;
    /** The settings as the form calls them. */
    readonly words: Readonly<Record<keyof D & string, string>>;
    /** The fields of the API whose faults the form shows itself. */
    readonly faults: readonly string[];
    readonly children: ReactNode;
  },
) {
  const { changed, error, isSaving } = section;
  const isDirty = changed.length > 0;
  useUnsaved(isDirty, title.toLowerCase());
  const rest = remainingError(error, faults);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isDirty) void section.save();
  };
  return (
    <Section title={title}>
      <form
        className="stack function-settings"
        noValidate
        onSubmit={submit}
        aria-label={title}
      >
        {about === undefined ? null : <p className="muted">{about}</p>}
        <ConflictNote edits={section} words={words} />
        {children}
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="row">
          <Button
            type="submit"
            look={isDirty ? "primary" : "normal"}
            busy={isSaving}
            disabled={!isDirty}
            aria-label={`Save ${title.toLowerCase()}`}
          >
            Save
          </Button>
          {isDirty ? <Button onClick={section.discard}>Discard</Button> : null}
        </div>
      </form>
    </Section>
  );
}
