import { faultOf } from "../../../parts/faults.ts";
import { TextAreaField, TextField } from "../../../parts/field.tsx";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

export interface GeneralDraft {
  readonly displayName: string;
  readonly description: string;
}

export const GENERAL: SettingsSection<GeneralDraft> = {
  id: "general",
  title: "General",
  fields: { displayName: "Name", description: "Description" },
  read: ({ displayName, description = "" }) => ({ displayName, description }),
  write: ({ displayName, description }) => ({ displayName, description }),
};

/** Name and description. */
export function General({ form }: { readonly form: SectionForm<GeneralDraft> }) {
  const { draft, edit, error } = form;
  return (
    <SettingsSectionForm section={GENERAL} form={form}>
      <TextField
        label="Name"
        value={draft.displayName}
        error={faultOf(error, "displayName")}
        onChange={(displayName) => edit({ displayName })}
      />
      <TextAreaField
        label="Description"
        mono={false}
        rows={3}
        value={draft.description}
        error={faultOf(error, "description")}
        onChange={(description) => edit({ description })}
      />
    </SettingsSectionForm>
  );
}
