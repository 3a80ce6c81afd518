import type { FormEvent, ReactNode } from "react";
import { call, type Fn, type Schemas } from "../../../api/client.ts";
import { Section } from "../../../parts/page.tsx";

type Update = NonNullable<
  Schemas["c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest"]["function"]
>;

/**
 * Settings as a request carries them. Numbers may be text as it was typed: the API says what is wrong with one that is
 * not a number.
 */
export type Settings = {
  readonly [S in Exclude<keyof Update, "id">]?: unknown;
};

/**
 * Sets these settings and no others. Throws `ApiError`.
 * @param updateMask what changes, if that is less than the settings
 */
export async function updateSettings(
  id: string,
  settings: Settings,
  updateMask = Object.keys(settings).join(","),
): Promise<Fn> {
  const { function: fn } = await call("POST /api/v1/functions/update", {
    body: {
      function: { id, ...settings } as Update,
      updateMask,
      commitMessage: "",
    },
  });
  return fn as Fn;
}

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
export function SettingsSectionForm<D extends object>({ section, about, form, children }: {
  readonly section: SettingsSection<D>;
  readonly about?: ReactNode;
  readonly form: SectionForm<D>;
  readonly children: ReactNode;
}) {
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
