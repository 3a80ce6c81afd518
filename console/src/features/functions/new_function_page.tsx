import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { NAMED_ROLES, roleIdOf } from "../../../../src/resources/roles.ts";
import { Button } from "../../parts/button.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { TextField } from "../../parts/field.tsx";
import { countOf, visibleText } from "../../parts/format.ts";
import { Page, Section } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { toast, toastError } from "../../parts/toasts.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { BackToList, useStillHere } from "../../shell/list_position.tsx";
import { createFunction, type Template } from "./create.ts";
import { TEMPLATES } from "./templates.ts";

const FIELDS = ["displayName", "description"];

export function NewFunctionPage() {
  const [template, setTemplate] = useState(TEMPLATES[0] as Template);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const whileHere = useStillHere();
  const create = useMutation({
    mutationFn: (_isHere: () => boolean) =>
      createFunction(name.trim(), description.trim(), template),
    onSuccess: async ({ fn: { id, displayName }, violations }, isHere) => {
      for (const violation of violations) {
        toastError("Could not create a trigger from the template", violation);
      }
      void queries.invalidateQueries({ queryKey: ["function"] });
      if (isHere()) await navigate({ to: "/functions/$functionId", params: { functionId: id } });
      else toast(`Created ${visibleText(displayName)}`);
    },
  });
  const choose = (next: Template) => {
    // Typed text stays; text from a template follows the choice.
    if (name === "" || name === template.manifest.name) {
      setName(next === TEMPLATES[0] ? "" : next.manifest.name);
    }
    if (description === "" || description === template.manifest.description) {
      setDescription(next === TEMPLATES[0] ? "" : next.manifest.description);
    }
    setTemplate(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(whileHere());
  };
  return (
    <Page title="New function" above={<BackToList to="/functions">Functions</BackToList>}>
      <form className="functions-new" onSubmit={submit}>
        <TemplateChoice chosen={template} onChoose={choose} />
        <div className="stack">
          <TextField
            label="Name"
            value={name}
            onChange={setName}
            error={violationOf(create.error, "displayName")}
            autoFocus
          />
          <TextField
            label="Description"
            value={description}
            onChange={setDescription}
            error={violationOf(create.error, "description")}
          />
          {create.isError && remainingError(create.error, FIELDS) !== undefined && (
            <ErrorNote error={remainingError(create.error, FIELDS)} />
          )}
          <div className="actions">
            <Button
              type="submit"
              look="primary"
              busy={create.isPending}
              disabled={name.trim() === ""}
            >
              Create
            </Button>
          </div>
          <Preview template={template} />
        </div>
      </form>
    </Page>
  );
}

function TemplateChoice({ chosen, onChoose }: {
  readonly chosen: Template;
  readonly onChoose: (template: Template) => void;
}) {
  return (
    <fieldset>
      <legend className="field-label">Template</legend>
      {TEMPLATES.map((template) => (
        <label key={template.manifest.name} className="functions-template">
          <input
            type="radio"
            name="template"
            checked={template === chosen}
            onChange={() =>
              onChoose(template)}
          />
          <span>
            <span className="functions-template-name">{template.manifest.name}</span>
            <span className="muted">{template.manifest.description}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** What to show for a role of a manifest, which names built-in ones. */
function nameOfRole(role: string): string {
  return NAMED_ROLES.find(({ id }) => id === roleIdOf(role))?.displayName ?? role;
}

/** What the template brings: settings in words, and its code. */
function Preview({ template: { manifest, files } }: { readonly template: Template }) {
  const brings = [
    ...manifest.allowlist === undefined ? [] : [`may reach ${manifest.allowlist.join(", ")}`],
    ...(manifest.roles ?? []).map((role) => `has the role ${nameOfRole(role)}`),
    ...manifest.volume === undefined ? [] : [`uses the volume ${manifest.volume}`],
    ...Object.keys(manifest.triggers ?? {}).map((name) => `has the trigger ${name}`),
  ];
  return (
    <Section title="main.ts">
      {brings.length === 0 ? null : <p className="muted">The function {brings.join("; ")}.</p>}
      <CodeBlock text={files["main.ts"] ?? ""} label="main.ts of the template" />
      <p className="muted">
        {countOf(Object.keys(files).length, "file")}: {Object.keys(files).join(", ")}
      </p>
    </Section>
  );
}
