import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call, type Trust } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { DraftDialog } from "../../parts/dialog.tsx";
import { type FieldOf, SelectField, TextAreaField, TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { Loaded, Loading } from "../../parts/states.tsx";
import { Name } from "../../parts/values.tsx";
import { LimitFields } from "../../shell/credentials.tsx";
import { PrincipalField } from "../../shell/identity_fields.tsx";
import { ConditionField } from "./condition_field.tsx";
import {
  NEW_TRUST,
  TRUST_FIELDS,
  trustChanges,
  type TrustDraft,
  trustDraftOf,
  trustSettingsOf,
} from "./federation.ts";
import { providerChoicesQuery } from "./queries.ts";

interface DialogProps {
  readonly onClose: () => void;
}

export function CreateTrust({ principalId: given, onClose }: DialogProps & {
  /** The principal as which the jobs act; undefined to let the reader choose. */
  readonly principalId?: string;
}) {
  const start = { ...NEW_TRUST, principalId: given ?? "", providerId: "" };
  const create = ({ principalId, providerId, ...draft }: typeof start) =>
    call("POST /api/v1/service_principals/{service_principal_id}/trusts", {
      path: { service_principal_id: principalId },
      body: { ...trustSettingsOf(draft), providerId },
    });
  return (
    <DraftDialog
      onClose={onClose}
      size="large"
      title="New trust"
      description="Lets jobs whose token meets a condition act as a service principal."
      action="Create"
      start={start}
      canSubmit={({ principalId, providerId, displayName, conditionExpression }) =>
        principalId !== "" && providerId !== "" && displayName.trim() !== "" &&
        conditionExpression !== ""}
      fields={[...TRUST_FIELDS, "providerId"]}
      onSubmit={create}
      refresh={keys.trusts}
      done="Trust created"
      next="Give its client id to the job: it is no secret."
    >
      {({ draft, field }) => (
        <>
          <NameFields field={field} />
          <div className="access-fields">
            {given === undefined && <PrincipalField {...field("principalId")} />}
            <ProviderField {...field("providerId")} />
          </div>
          <TrustFields field={field} providerId={draft.providerId} />
        </>
      )}
    </DraftDialog>
  );
}

export function EditTrust({ trust, onClose }: DialogProps & { readonly trust: Trust }) {
  const start = trustDraftOf(trust);
  const save = (draft: TrustDraft) => {
    const changes = trustChanges(start, draft);
    return call("PATCH /api/v1/service_principals/{service_principal_id}/trusts/{client_id}", {
      path: { service_principal_id: trust.servicePrincipalId, client_id: trust.clientId },
      body: { trust: changes, updateMask: Object.keys(changes).join(",") },
    });
  };
  return (
    <DraftDialog
      onClose={onClose}
      size="large"
      title="Edit the trust"
      action="Save"
      start={start}
      canSubmit={(draft) => Object.keys(trustChanges(start, draft)).length > 0}
      fields={TRUST_FIELDS}
      onSubmit={save}
      refresh={keys.trusts}
    >
      {({ field }) => (
        <>
          <p className="muted">
            <Name value={trust.clientId} />
          </p>
          <NameFields field={field} />
          <TrustFields field={field} providerId={trust.providerId} />
        </>
      )}
    </DraftDialog>
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
  readonly field: FieldOf<TrustDraft>;
}

function NameFields({ field }: FieldsProps) {
  return (
    <div className="access-fields">
      <TextField label="Name" {...field("displayName")} autoFocus />
      <TextField label="Description" {...field("description")} />
    </div>
  );
}

function TrustFields({ field, providerId }: FieldsProps & { readonly providerId: string }) {
  const { data: providers = [] } = useQuery(providerChoicesQuery);
  const provider = providers.find(({ id }) => id === providerId);
  return (
    <>
      <ConditionField
        key={provider?.id}
        kind={provider?.wellKnownProvider}
        {...field("conditionExpression")}
      />
      <TextAreaField
        label="Claims to pass on"
        hint="Names of claims that the access token carries as c1wfc, one in each line"
        rows={2}
        {...field("claims", "passthroughClaims")}
      />
      <LimitFields
        field={field}
        holder="the principal"
        names={{ roles: "scopedRoleIds", networks: "allowSourceCidrs" }}
      />
    </>
  );
}
