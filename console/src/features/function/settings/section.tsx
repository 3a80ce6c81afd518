import type { FormEvent, ReactNode } from "react";
import type { Fn } from "../../../api/types.ts";
import { Section } from "../../../parts/page.tsx";
import type { Settings } from "./patch.ts";

/** Labels of the fields on the page, by their paths in the API. */
export type FieldLabels = Readonly<Record<string, string>>;

/** The part of the form that a section edits. */
export interface SectionForm<D> {
  readonly fn: Fn;
  readonly draft: D;
  readonly error: unknown;
  readonly edit: (change: Partial<D>) => void;
  readonly save: () => Promise<void>;
}

/** Some settings of the function: how they are read, edited and written. */
export interface SettingsSection<D extends object> {
  /** Of its part of the page. */
  readonly id: string;
  readonly title: string;
  readonly fields: FieldLabels;
  /** The drafts, which have the names of their settings. */
  readonly read: (fn: Fn) => D;
  readonly write: (draft: D) => Settings;
}

/** A section of the page. Enter in one of its fields saves all that has changed. */
export function SettingsSectionForm<D extends object>(
  { section, about, form, children }: {
    readonly section: SettingsSection<D>;
    readonly about?: ReactNode;
    readonly form: SectionForm<D>;
    readonly children: ReactNode;
  },
) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void form.save();
  };
  return (
    <Section title={section.title} id={section.id}>
      <form
        className="stack function-settings"
        noValidate
        onSubmit={submit}
        aria-label={section.title}
      >
        {about === undefined ? null : <p className="muted">{about}</p>}
        {children}
        {/* Without it, Enter submits no form of several fields. */}
        <button type="submit" hidden>Save</button>
      </form>
    </Section>
  );
}
