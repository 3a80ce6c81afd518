import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { TextAreaField, TextField } from "../../../parts/field.tsx";
import { SectionForm } from "./section_form.tsx";
import { useSection } from "./use_section.ts";

/** Name and description. */
export function General({ fn }: { readonly fn: Fn }) {
  const section = useSection(
    fn,
    ({ displayName, description = "" }) => ({ displayName, description }),
    (draft) => draft,
  );
  const { draft, edit, error } = section;
  return (
    <SectionForm
      title="General"
      section={section}
      words={{ displayName: "Name", description: "Description" }}
      faults={["displayName", "description"]}
    >
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
    </SectionForm>
  );
}
