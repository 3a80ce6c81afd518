import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import {
  ConfirmDialog,
  FormDialog,
  ToggleDialog,
  toggleVerb,
  typeableName,
} from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { PagedTable } from "../../parts/list.tsx";
import { Page, Properties, Section } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { useStillHere } from "../../shell/list_position.tsx";
import { MissingSubject, useMissing } from "../../shell/missing_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { Credentials } from "./credentials.tsx";
import { Trusts } from "./trusts.tsx";
import { boundFunctionsQuery, principalQuery } from "./queries.ts";
import { RolesForm } from "./roles_form.tsx";

export function PrincipalPage() {
  const { principalId } = useParams({ from: "/shell/access/principals/$principalId" });
  const query = useQuery(principalQuery(principalId));
  const isMissing = useMissing(query, principalId);
  const principal = query.data;
  if (isMissing) {
    return (
      <MissingSubject
        noun="Service principal"
        id={principalId}
        why="It may have been deleted."
        list="/access/principals"
      />
    );
  }
  const name = principal?.displayName ?? "Service principal";
  return (
    <Page
      title={visibleText(name)}
      heading={<Name value={name} />}
      above={<Link to="/access/principals">Service principals</Link>}
      actions={principal === undefined ? null : <Actions principal={principal} />}
    >
      <Loaded query={query}>{(data) => <Content key={data.id} principal={data} />}</Loaded>
    </Page>
  );
}

type Question = "rename" | "disable" | "delete";

function Actions({ principal }: { readonly principal: ServicePrincipal }) {
  const may = useMay();
  const [asked, setAsked] = useState<Question>();
  const mayUpdate = may("c1.api.service_principal.v1.ServicePrincipalService.Update");
  const mayDelete = may("c1.api.service_principal.v1.ServicePrincipalService.Delete");
  return (
    <>
      {mayUpdate
        ? (
          <>
            <Button onClick={() => setAsked("rename")}>Rename</Button>
            <Button onClick={() => setAsked("disable")}>
              {toggleVerb(principal.disabled)}
            </Button>
          </>
        )
        : null}
      {mayDelete ? <Button look="danger" onClick={() => setAsked("delete")}>Delete</Button> : null}
      {asked === undefined
        ? null
        : <Asked question={asked} principal={principal} onClose={() => setAsked(undefined)} />}
    </>
  );
}

interface AskedProps {
  readonly principal: ServicePrincipal;
  readonly onClose: () => void;
}

function Asked({ question, ...props }: AskedProps & { readonly question: Question }) {
  if (question === "rename") return <RenameDialog {...props} />;
  return question === "disable" ? <DisableDialog {...props} /> : <DeleteDialog {...props} />;
}

/** Changes the principal, and shows the change. */
function useUpdate(id: string) {
  const queries = useQueryClient();
  return async (change: { readonly displayName?: string; readonly disabled?: boolean }) => {
    const { servicePrincipal } = await call("PATCH /api/v1/service_principals/{id}", {
      path: { id },
      body: { servicePrincipal: change, updateMask: Object.keys(change).join(",") },
    });
    queries.setQueryData(keys.principal(id), servicePrincipal as ServicePrincipal);
    void queries.invalidateQueries({ queryKey: [...keys.principals, "list"] });
  };
}

function RenameDialog({ principal, onClose }: AskedProps) {
  const [displayName, setName] = useState(principal.displayName);
  const update = useUpdate(principal.id);
  const rename = async () => {
    await update({ displayName });
    onClose();
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Rename the service principal"
      action="Rename"
      unsaved={displayName !== principal.displayName}
      fields={["displayName"]}
      onSubmit={rename}
    >
      {(violation) => (
        <TextField
          label="Name"
          value={displayName}
          onChange={setName}
          error={violation("displayName")}
          autoFocus
        />
      )}
    </FormDialog>
  );
}

function DisableDialog({ principal, onClose }: AskedProps) {
  const update = useUpdate(principal.id);
  return (
    <ToggleDialog
      what="service principal"
      isDisabled={principal.disabled}
      onToggle={(disabled) => update({ disabled })}
      onClose={onClose}
    >
      {principal.disabled
        ? "Its credentials work again, and its functions act as this principal again."
        : "Its credentials and access tokens stop working within seconds, and its functions act as themselves, until you enable it again. Its sessions end for good."}
    </ToggleDialog>
  );
}

function DeleteDialog({ principal, onClose }: AskedProps) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const whileHere = useStillHere();
  const remove = async () => {
    const isHere = whileHere();
    await call("DELETE /api/v1/service_principals/{id}", { path: { id: principal.id }, body: {} });
    if (isHere()) await navigate({ to: "/access/principals" });
    await queries.invalidateQueries({ queryKey: ["identity"] });
    toast("Service principal deleted");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Delete this service principal?"
      action="Delete"
      danger
      typed={typeableName(principal.displayName, principal.id)}
      onConfirm={remove}
    >
      <p>Its credentials, access tokens and sessions end for good.</p>
    </ConfirmDialog>
  );
}

function Content({ principal }: { readonly principal: ServicePrincipal }) {
  const { id, roleIds, createdAt, disabled } = principal;
  const may = useMay();
  const queries = useQueryClient();
  const setRoles = async (ids: readonly string[]) => {
    const { servicePrincipal } = await call("POST /api/v1/service_principals/{id}/roles", {
      path: { id },
      body: { roleIds: [...ids] },
    });
    queries.setQueryData(keys.principal(id), servicePrincipal as ServicePrincipal);
    void queries.invalidateQueries({ queryKey: [...keys.principals, "list"] });
  };
  return (
    <>
      <Properties
        items={[
          [
            "Status",
            disabled
              ? <Badge key="status" tone="warn">Disabled</Badge>
              : <Badge key="status" tone="good">Enabled</Badge>,
          ],
          [
            "Id",
            <span key="id">
              <code>{id}</code>
              <CopyButton text={id} label="Copy the id" />
            </span>,
          ],
          ["Created", <Time key="created" value={createdAt} />],
        ]}
      />
      <Section title="Roles">
        <RolesForm
          label="What it may do"
          roleIds={roleIds}
          maySet={may("invoked.ServicePrincipalService.SetRoles")}
          onSave={setRoles}
        />
      </Section>
      <Credentials principal={principal} />
      {may("c1.api.workload_federation.v1.WorkloadFederationService.SearchTrusts")
        ? <Trusts principal={principal} />
        : null}
      {may("c1.api.service_principal.v1.ServicePrincipalService.ListBindings")
        ? <BoundFunctions principalId={id} />
        : null}
    </>
  );
}

const FUNCTION_COLUMNS: readonly Column<string>[] = [
  {
    id: "function",
    header: "Function",
    cell: (functionId) => (
      <Link to="/functions/$functionId/settings" params={{ functionId }} hash="identity">
        <FunctionName id={functionId} />
      </Link>
    ),
  },
];

function BoundFunctions({ principalId }: { readonly principalId: string }) {
  const query = useInfiniteQuery(boundFunctionsQuery(principalId));
  return (
    <Section title="Functions">
      <p className="muted">
        Functions that act as this principal when they call the API. The settings of a function bind
        it.
      </p>
      <PagedTable
        query={query}
        label="Functions"
        columns={FUNCTION_COLUMNS}
        rowId={(id) => id}
        empty={<Empty title="No function acts as this principal" />}
      />
    </Section>
  );
}
