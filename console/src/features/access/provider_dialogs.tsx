import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { WELL_KNOWN_ISSUERS } from "../../../../src/resources/federation.ts";
import { call, type Provider } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { DescriptionField, NameField } from "../../parts/name_fields.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name } from "../../parts/values.tsx";
import { issuerAfter, KINDS, type ProviderKind } from "./federation.ts";

interface Draft {
  readonly displayName: string;
  readonly description: string;
  readonly kind: ProviderKind;
  readonly issuerUrl: string;
}

const KIND: ProviderKind = "WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS";
const EMPTY: Draft = {
  displayName: "",
  description: "",
  kind: KIND,
  issuerUrl: WELL_KNOWN_ISSUERS[KIND] ?? "",
};

export function CreateProvider({ onClose }: { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(EMPTY);
  const edit = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const create = async () => {
    const { kind: wellKnownProvider, ...texts } = draft;
    await call("POST /api/v1/workload_federation/providers", {
      body: { ...texts, wellKnownProvider, oidc: {} },
    });
    await queries.invalidateQueries({ queryKey: keys.providers });
    onClose();
    toast("Provider created");
  };
  return (
    <FormDialog
      onClose={onClose}
      title="New provider"
      description="Its tokens give no access before a trust accepts some of them."
      action="Create"
      unsaved={JSON.stringify(draft) !== JSON.stringify(EMPTY)}
      disabled={draft.displayName.trim() === ""}
      fields={["displayName", "description", "wellKnownProvider", "issuerUrl"]}
      onSubmit={create}
    >
      {(violation) => (
        <>
          <NameField value={draft} onChange={edit} violation={violation} />
          <SelectField
            label="Kind"
            value={draft.kind}
            onChange={(kind) =>
              edit({
                kind: kind as ProviderKind,
                issuerUrl: issuerAfter(draft.issuerUrl, draft.kind, kind),
              })}
            error={violation("wellKnownProvider")}
            options={KINDS}
          />
          <TextField
            label="Issuer URL"
            hint="The claim iss of its tokens, which cannot change later. A GitLab or Terraform of your own has its own."
            value={draft.issuerUrl}
            onChange={(issuerUrl) => edit({ issuerUrl })}
            error={violation("issuerUrl")}
            mono
          />
          <DescriptionField value={draft} onChange={edit} violation={violation} />
        </>
      )}
    </FormDialog>
  );
}

/** Changes what people read about a provider: its issuer never changes. */
export function EditProvider(
  { provider, onClose }: { readonly provider: Provider; readonly onClose: () => void },
) {
  const queries = useQueryClient();
  const { id, displayName, description, issuerUrl } = provider;
  const [draft, setDraft] = useState({ displayName, description });
  const edit = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });
  const isChanged = draft.displayName !== displayName || draft.description !== description;
  const save = async () => {
    await call("PATCH /api/v1/workload_federation/providers/{id}", {
      path: { id },
      body: { provider: draft, updateMask: "displayName,description" },
    });
    await queries.invalidateQueries({ queryKey: keys.providers });
    onClose();
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Edit the provider"
      action="Save"
      unsaved={isChanged}
      disabled={!isChanged}
      fields={["displayName", "description"]}
      onSubmit={save}
    >
      {(violation) => (
        <>
          <p className="muted">
            <Name value={issuerUrl} />
          </p>
          <NameField value={draft} onChange={edit} violation={violation} />
          <DescriptionField value={draft} onChange={edit} violation={violation} />
        </>
      )}
    </FormDialog>
  );
}
