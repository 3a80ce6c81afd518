import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import { DraftDialog, ToggleDialog, toggleVerb } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { PagedTable } from "../../parts/list.tsx";
import { Properties, Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { useMay } from "../../shell/rights.ts";
import { DeleteSubject, SubjectPage } from "../../shell/subject_page.tsx";
import { Credentials } from "./credentials.tsx";
import { boundFunctionsQuery, principalQuery } from "./queries.ts";
import { RolesForm } from "./roles_form.tsx";
import { Trusts } from "./trusts.tsx";

interface PrincipalProps {
  readonly principal: ServicePrincipal;
}

export function PrincipalPage() {
  const { principalId } = useParams({ from: "/shell/access/principals/$principalId" });
  return (
    <SubjectPage
      noun="Service principal"
      id={principalId}
      why="It may have been deleted."
      list="/access/principals"
      query={useQuery(principalQuery(principalId))}
      above={<Link to="/access/principals">Service principals</Link>}
      actionsOf={(principal) => <Actions principal={principal} />}
    >
      {(principal) => <Content key={principal.id} principal={principal} />}
    </SubjectPage>
  );
}

function Actions({ principal }: PrincipalProps) {
  const may = useMay();
  const [asked, setAsked] = useState<"rename" | "disable" | "delete">();
  const close = () => setAsked(undefined);
  return (
    <>
      {may("c1.api.service_principal.v1.ServicePrincipalService.Update") && (
        <>
          <Button onClick={() => setAsked("rename")}>Rename</Button>
          <Button onClick={() => setAsked("disable")}>
            {toggleVerb(principal.disabled)}
          </Button>
        </>
      )}
      {may("c1.api.service_principal.v1.ServicePrincipalService.Delete") && (
        <Button
          look="danger"
          onClick={() => setAsked("delete")}
        >
          Delete
        </Button>
      )}
      {asked === "rename" && <RenameDialog principal={principal} onClose={close} />}
      {asked === "disable" && <DisableDialog principal={principal} onClose={close} />}
      {asked === "delete" && (
        <DeleteSubject
          what="service principal"
          subject={principal}
          list="/access/principals"
          onDelete={(path) => call("DELETE /api/v1/service_principals/{id}", { path, body: {} })}
          refresh={["identity"]}
          onClose={close}
        >
          <p>Its credentials, access tokens and sessions end for good.</p>
        </DeleteSubject>
      )}
    </>
  );
}

/** Shows a changed principal. */
function useShow(): (answer: { readonly servicePrincipal?: unknown }) => void {
  const queries = useQueryClient();
  return ({ servicePrincipal }) => {
    const principal = servicePrincipal as ServicePrincipal;
    queries.setQueryData(keys.principal(principal.id), principal);
    void queries.invalidateQueries({ queryKey: [...keys.principals, "list"] });
  };
}

/** Changes the principal, and shows the change. */
function useUpdate(id: string) {
  const show = useShow();
  return async (change: { readonly displayName?: string; readonly disabled?: boolean }) =>
    show(
      await call("PATCH /api/v1/service_principals/{id}", {
        path: { id },
        body: { servicePrincipal: change, updateMask: Object.keys(change).join(",") },
      }),
    );
}

interface AskedProps extends PrincipalProps {
  readonly onClose: () => void;
}

function RenameDialog({ principal: { id, displayName }, onClose }: AskedProps) {
  const update = useUpdate(id);
  return (
    <DraftDialog
      onClose={onClose}
      title="Rename the service principal"
      action="Rename"
      start={{ displayName }}
      onSubmit={(draft) => update(draft).then(onClose)}
    >
      {({ field }) => <TextField label="Name" {...field("displayName")} autoFocus />}
    </DraftDialog>
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

function Content({ principal }: PrincipalProps) {
  const { id, roleIds, createdAt, disabled } = principal;
  const may = useMay();
  const show = useShow();
  const setRoles = async (ids: readonly string[]) =>
    show(
      await call("POST /api/v1/service_principals/{id}/roles", {
        path: { id },
        body: { roleIds: [...ids] },
      }),
    );
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
      {may("c1.api.workload_federation.v1.WorkloadFederationService.SearchTrusts") && (
        <Trusts principal={principal} />
      )}
      {may("c1.api.service_principal.v1.ServicePrincipalService.ListBindings") && (
        <BoundFunctions principalId={id} />
      )}
    </>
  );
}

const FUNCTION_COLUMNS: readonly Column<string>[] = [
  {
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
