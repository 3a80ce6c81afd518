import { useInfiniteQuery } from "@tanstack/react-query";
import { WELL_KNOWN_ISSUERS } from "../../../../src/resources/federation.ts";
import { call, type Permission, type Provider } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import {
  DeleteDialog,
  DraftDialog,
  ToggleDialog,
  toggleVerb,
  typeableName,
} from "../../parts/dialog.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { issuerAfter, kindLabel, KINDS, type ProviderKind } from "./federation.ts";
import { providersQuery } from "./queries.ts";

const PATH = "/api/v1/workload_federation/providers/{id}";

/** The providers whose tokens trusts accept. */
export function Providers() {
  const may = useMay();
  const query = useInfiniteQuery(providersQuery);
  const creation = useCreation(
    "New provider",
    may("c1.api.workload_federation.v1.WorkloadFederationService.CreateProvider"),
    "normal",
  );
  const list = useRowActions({ columns: COLUMNS, actions: ACTIONS, may, nameOf });
  return (
    <Section title="Providers" actions={creation.button}>
      <PagedTable
        query={query}
        label="Providers"
        columns={list.columns}
        rowId={({ id }) => id}
        empty={<Empty title="No providers: create one for the system that runs your jobs" />}
      />
      {creation.isOpen && <CreateProvider onClose={creation.close} />}
      {list.dialog}
    </Section>
  );
}

const COLUMNS: readonly Column<Provider>[] = [
  {
    header: "Name",
    readable: 200,
    cell: ({ displayName, description, disabled }) => (
      <>
        <span title={description}>
          <Name value={displayName} />
        </span>{" "}
        {disabled && <Badge tone="warn">Disabled</Badge>}
      </>
    ),
  },
  {
    header: "Kind",
    width: "190px",
    minor: true,
    cell: ({ wellKnownProvider }) => kindLabel(wellKnownProvider),
  },
  {
    header: "Issuer",
    readable: 260,
    minor: true,
    cell: ({ issuerUrl }) => <Name value={issuerUrl} />,
  },
  timeColumn("Created", 120, ({ createdAt }) => createdAt),
];

const nameOf = ({ displayName }: Provider) => displayName;

const MAY_UPDATE = "c1.api.workload_federation.v1.WorkloadFederationService.UpdateProvider";
const ACTIONS: readonly RowAction<Provider, Permission>[] = [
  {
    verb: "Edit",
    permission: MAY_UPDATE,
    dialog: (provider, onClose) => <EditProvider provider={provider} onClose={onClose} />,
  },
  {
    verb: ({ disabled }) => toggleVerb(disabled),
    permission: MAY_UPDATE,
    dialog: ({ id, disabled: isDisabled }, onClose) => (
      <ToggleDialog
        what="provider"
        isDisabled={isDisabled}
        onToggle={(disabled) =>
          call(`PATCH ${PATH}`, {
            path: { id },
            body: { provider: { disabled }, updateMask: "disabled" },
          })}
        refresh={keys.providers}
        onClose={onClose}
      >
        {isDisabled
          ? "Jobs of the provider can sign in again, as its trusts allow."
          : "No job of the provider can sign in, and the access tokens of its jobs stop working within seconds, until you enable the provider again."}
      </ToggleDialog>
    ),
  },
  {
    verb: "Delete",
    permission: "c1.api.workload_federation.v1.WorkloadFederationService.DeleteProvider",
    danger: true,
    dialog: ({ id, displayName }, onClose) => (
      <DeleteDialog
        what="provider"
        typed={typeableName(displayName, id)}
        onConfirm={() => call(`DELETE ${PATH}`, { path: { id }, body: {} })}
        refresh={keys.providers}
        onClose={onClose}
      >
        This works only while no trust accepts tokens of the provider.
      </DeleteDialog>
    ),
  },
];

const KIND: ProviderKind = "WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS";
const NEW_PROVIDER = {
  displayName: "",
  description: "",
  wellKnownProvider: KIND,
  issuerUrl: WELL_KNOWN_ISSUERS[KIND] ?? "",
};

function CreateProvider({ onClose }: { readonly onClose: () => void }) {
  return (
    <DraftDialog
      onClose={onClose}
      title="New provider"
      description="Its tokens give no access before a trust accepts some of them."
      action="Create"
      start={NEW_PROVIDER}
      canSubmit={({ displayName }) => displayName.trim() !== ""}
      onSubmit={(draft) =>
        call("POST /api/v1/workload_federation/providers", { body: { ...draft, oidc: {} } })}
      refresh={keys.providers}
      done="Provider created"
    >
      {({ draft, edit, field }) => (
        <>
          <TextField label="Name" {...field("displayName")} autoFocus />
          <SelectField
            label="Kind"
            {...field("wellKnownProvider")}
            onChange={(kind) =>
              edit({
                wellKnownProvider: kind,
                issuerUrl: issuerAfter(draft.issuerUrl, draft.wellKnownProvider, kind),
              })}
            options={KINDS}
          />
          <TextField
            label="Issuer URL"
            hint="The claim iss of its tokens, which cannot change later. A GitLab or Terraform of your own has its own."
            {...field("issuerUrl")}
            mono
          />
          <TextField label="Description" {...field("description")} />
        </>
      )}
    </DraftDialog>
  );
}

/** Changes what people read about a provider: its issuer never changes. */
function EditProvider({ provider: { id, displayName, description, issuerUrl }, onClose }: {
  readonly provider: Provider;
  readonly onClose: () => void;
}) {
  return (
    <DraftDialog
      onClose={onClose}
      title="Edit the provider"
      action="Save"
      start={{ displayName, description }}
      canSubmit={(_, isChanged) => isChanged}
      onSubmit={(provider) =>
        call(`PATCH ${PATH}`, {
          path: { id },
          body: { provider, updateMask: "displayName,description" },
        })}
      refresh={keys.providers}
    >
      {({ field }) => (
        <>
          <p className="muted">
            <Name value={issuerUrl} />
          </p>
          <TextField label="Name" {...field("displayName")} autoFocus />
          <TextField label="Description" {...field("description")} />
        </>
      )}
    </DraftDialog>
  );
}
