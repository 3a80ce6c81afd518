import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call, type Provider, type Trust } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { FormDialog, type Violation } from "../../parts/dialog.tsx";
import { SelectField, TextAreaField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { DescriptionField, NameField } from "../../parts/name_fields.tsx";
import { Loaded, Loading } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name } from "../../parts/values.tsx";
import { LimitFields } from "../../shell/credential_fields.tsx";
import { PrincipalField } from "../../shell/principal_field.tsx";
import { ConditionField } from "./condition_field.tsx";
import {
  NEW_TRUST,
  TRUST_FIELDS,
  trustChanges,
  type TrustDraft,
  trustDraftOf,
  trustSettingsOf,
} from "./federation.ts";
import { providerChoicesQuery } from "./federation_queries.ts";

interface DialogProps {
  readonly onClose: () => void;
}

export function CreateTrust({ principalId: given, onClose }: DialogProps & {
  /** The principal as which the jobs act; undefined to let the reader choose. */
  readonly principalId?: string;
}) {
  const queries = useQueryClient();
  const { data: providers = [] } = useQuery(providerChoicesQuery);
  const [draft, setDraft] = useState(NEW_TRUST);
  const edit = (change: Partial<TrustDraft>) => setDraft({ ...draft, ...change });
  const [chosen, setChosen] = useState({ principalId: given ?? "", providerId: "" });
  const create = async () => {
    await call("POST /api/v1/service_principals/{service_principal_id}/trusts", {
      path: { service_principal_id: chosen.principalId },
      body: { ...trustSettingsOf(draft), providerId: chosen.providerId },
    });
    await queries.invalidateQueries({ queryKey: keys.trusts });
    onClose();
    toast("Trust created", { description: "Give its client id to the job: it is no secret." });
  };
  const isChosen = chosen.principalId !== "" && chosen.providerId !== "";
  return (
    <FormDialog
      onClose={onClose}
      size="large"
      title="New trust"
      description="Lets jobs whose token meets a condition act as a service principal."
      action="Create"
      unsaved={draft !== NEW_TRUST || chosen.providerId !== ""}
      disabled={!isChosen || draft.displayName.trim() === "" || draft.conditionExpression === ""}
      fields={[...TRUST_FIELDS, "providerId"]}
      onSubmit={create}
    >
      {(violation) => (
        <>
          <NameFields draft={draft} onChange={edit} violation={violation} />
          <div className="access-fields">
            {given === undefined
              ? (
                <PrincipalField
                  value={chosen.principalId}
                  onChange={(principalId) => setChosen({ ...chosen, principalId })}
                />
              )
              : null}
            <ProviderField
              value={chosen.providerId}
              onChange={(providerId) => setChosen({ ...chosen, providerId })}
              error={violation("providerId")}
            />
          </div>
          <TrustFields
            draft={draft}
            onChange={edit}
            provider={providers.find(({ id }) => id === chosen.providerId)}
            violation={violation}
          />
        </>
      )}
    </FormDialog>
  );
}

export function EditTrust({ trust, onClose }: DialogProps & { readonly trust: Trust }) {
  const queries = useQueryClient();
  const { data: providers = [] } = useQuery(providerChoicesQuery);
  const [start] = useState(() => trustDraftOf(trust));
  const [draft, setDraft] = useState(start);
  const edit = (change: Partial<TrustDraft>) => setDraft({ ...draft, ...change });
  const changes = trustChanges(start, draft);
  const isChanged = Object.keys(changes).length > 0;
  const save = async () => {
    await call("PATCH /api/v1/service_principals/{service_principal_id}/trusts/{client_id}", {
      path: { service_principal_id: trust.servicePrincipalId, client_id: trust.clientId },
      body: { trust: changes, updateMask: Object.keys(changes).join(",") },
    });
    await queries.invalidateQueries({ queryKey: keys.trusts });
    onClose();
  };
  return (
    <FormDialog
      onClose={onClose}
      size="large"
      title="Edit the trust"
      action="Save"
      unsaved={isChanged}
      disabled={!isChanged}
      fields={TRUST_FIELDS}
      onSubmit={save}
    >
      {(violation) => (
        <>
          <p className="muted">
            <Name value={trust.clientId} />
          </p>
          <NameFields draft={draft} onChange={edit} violation={violation} />
          <TrustFields
            draft={draft}
            onChange={edit}
            provider={providers.find(({ id }) => id === trust.providerId)}
            violation={violation}
          />
        </>
      )}
    </FormDialog>
  );
}

function ProviderField({ value, onChange, error }: {
  readonly value: string;
  readonly onChange: (providerId: string) => void;
  readonly error: string | undefined;
}) {
  const choices = useQuery(providerChoicesQuery);
  return (
    <Loaded query={choices} loading={<Loading rows={1} />}>
      {(providers) =>
        providers.length === 0
          ? (
            <p>
              There is no provider yet. <Link to="/access/federation">Create one</Link> first.
            </p>
          )
          : (
            <SelectField
              label="Provider"
              value={value}
              onChange={onChange}
              error={error}
              options={[
                { value: "", label: "Choose one" },
                ...providers.map(({ id, displayName }) => ({
                  value: id,
                  label: visibleText(displayName),
                })),
              ]}
            />
          )}
    </Loaded>
  );
}

interface FieldsProps {
  readonly draft: TrustDraft;
  readonly onChange: (change: Partial<TrustDraft>) => void;
  readonly violation: Violation;
}

function NameFields({ draft, onChange, violation }: FieldsProps) {
  return (
    <div className="access-fields">
      <NameField value={draft} onChange={onChange} violation={violation} />
      <DescriptionField value={draft} onChange={onChange} violation={violation} />
    </div>
  );
}

function TrustFields({ draft, onChange, provider, violation }: FieldsProps & {
  /** The provider of the jobs, once it is known. */
  readonly provider: Provider | undefined;
}) {
  return (
    <>
      <ConditionField
        key={provider?.id}
        value={draft.conditionExpression}
        onChange={(conditionExpression) => onChange({ conditionExpression })}
        kind={provider?.wellKnownProvider}
        error={violation("conditionExpression")}
      />
      <TextAreaField
        label="Claims to pass on"
        hint="Names of claims that the access token carries as c1wfc, one in each line"
        rows={2}
        value={draft.claims}
        onChange={(claims) => onChange({ claims })}
        error={violation("passthroughClaims")}
      />
      <LimitFields
        value={draft}
        onChange={onChange}
        holder="the principal"
        fields={{ roles: "scopedRoleIds", networks: "allowSourceCidrs" }}
        violation={violation}
      />
    </>
  );
}
