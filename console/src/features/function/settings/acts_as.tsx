/** Whom the function acts as when it calls the API, and with which roles. */
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { VIEWER } from "../../../../../src/resources/roles.ts";
import { call, type Fn, type ServicePrincipal } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { ConfirmDialog } from "../../../parts/dialog.tsx";
import { Properties } from "../../../parts/page.tsx";
import { Loaded, Loading, Note } from "../../../parts/states.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { Name } from "../../../parts/values.tsx";
import { PrincipalField, RoleNames } from "../../../shell/identity_fields.tsx";
import { useMay } from "../../../shell/rights.ts";
import { updateSettings } from "./section.tsx";

/** The service principal that a function is bound to; null without one. */
function boundQuery(functionId: string) {
  return queryOptions({
    queryKey: keys.bindings({ functionId }),
    queryFn: async ({ signal }): Promise<ServicePrincipal | null> => {
      const { bindings = [] } = await call("POST /api/v1/service_principals/bindings/list", {
        body: { subject: { functionId }, pageSize: 1 },
        signal,
      });
      const id = bindings[0]?.servicePrincipalId;
      if (id === undefined) return null;
      const answer = await call("GET /api/v1/service_principals/{id}", { path: { id }, signal });
      return answer.servicePrincipal as ServicePrincipal;
    },
  });
}

/** Above the function's own roles, which count while the function is not bound. */
export function ActsAs({ fn }: { readonly fn: Fn }) {
  const may = useMay();
  const isBound = fn.useSpn === true;
  const maySee = may("c1.api.service_principal.v1.ServicePrincipalService.ListBindings") &&
    may("c1.api.service_principal.v1.ServicePrincipalService.Get");
  return (
    <>
      <p className="muted">
        {isBound
          ? "The function calls the API with the rights of a service principal. Its own roles below do not count meanwhile."
          : "The function calls the API as itself: it can read itself, its commits and its invocations, and do what its roles below allow."}
      </p>
      {isBound
        ? maySee ? <Bound fn={fn} /> : <p>It is bound to a service principal.</p>
        : <Unbound fn={fn} />}
    </>
  );
}

function useRefresh(fn: Fn): () => Promise<unknown> {
  const queries = useQueryClient();
  return () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: keys.function(fn.id), exact: true }),
      queries.invalidateQueries({ queryKey: ["identity"] }),
    ]);
}

function Bound({ fn }: { readonly fn: Fn }) {
  const may = useMay();
  const query = useQuery(boundQuery(fn.id));
  const [isAsking, setAsking] = useState(false);
  const refresh = useRefresh(fn);
  const unbind = async (servicePrincipalId: string) => {
    await call("POST /api/v1/service_principals/bindings/delete", {
      body: { servicePrincipalId, subject: { functionId: fn.id } },
    });
    await refresh();
    toast("The function acts as itself");
  };
  return (
    <Loaded query={query} loading={<Loading rows={2} />}>
      {(principal) =>
        principal === null ? <p>It is bound to a service principal.</p> : (
          <>
            <Properties
              items={[
                [
                  "Acts as",
                  <span key="principal">
                    <Link
                      to="/access/principals/$principalId"
                      params={{ principalId: principal.id }}
                    >
                      <Name value={principal.displayName} />
                    </Link>{" "}
                    {principal.disabled && <Badge tone="warn">Disabled</Badge>}
                  </span>,
                ],
                ["Roles", <RoleNames key="roles" ids={principal.roleIds} none="No role" />],
              ]}
            />
            {may("c1.api.service_principal.v1.ServicePrincipalService.DeleteBinding") && (
              <div className="row">
                <Button onClick={() => setAsking(true)}>Unbind</Button>
              </div>
            )}
            <ConfirmDialog
              open={isAsking}
              onClose={() => setAsking(false)}
              title="Unbind the function?"
              action="Unbind"
              danger
              onConfirm={() => unbind(principal.id)}
            >
              It no longer acts as{" "}
              <Name value={principal.displayName} />, and calls the API with its own roles.
            </ConfirmDialog>
          </>
        )}
    </Loaded>
  );
}

function Unbound({ fn }: { readonly fn: Fn }) {
  const may = useMay();
  const [isBinding, setBinding] = useState(false);
  const mayBind = may("c1.api.service_principal.v1.ServicePrincipalService.AddBinding") &&
    may("c1.api.service_principal.v1.ServicePrincipalService.List");
  return (
    <>
      {fn.scopedRoleIds?.includes(VIEWER.id) === true && <ViewerNote fn={fn} />}
      {mayBind && (
        <div className="row">
          <Button onClick={() => setBinding(true)}>Bind to a service principal …</Button>
        </div>
      )}
      {isBinding && <BindDialog fn={fn} onClose={() => setBinding(false)} />}
    </>
  );
}

/** Functions of earlier versions could read everything, and keep that as a role until somebody takes it away. */
function ViewerNote({ fn }: { readonly fn: Fn }) {
  const may = useMay();
  const queries = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      const scopedRoleIds = (fn.scopedRoleIds ?? []).filter((id) => id !== VIEWER.id);
      queries.setQueryData(keys.function(fn.id), await updateSettings(fn.id, { scopedRoleIds }));
      toast("The role is removed");
    } catch (error) {
      toastError("Could not remove the role", error);
    }
    setBusy(false);
  };
  return (
    <Note tone="warn">
      <span>
        With the role {VIEWER.displayName}{" "}
        its code can read every function, volume and person of this server. Remove the role unless
        the code needs that.
      </span>
      {may("c1.api.functions.v1.FunctionsService.UpdateFunction") && (
        <Button
          busy={isBusy}
          onClick={() => void remove()}
        >
          Remove the role
        </Button>
      )}
    </Note>
  );
}

const NOBODY = "";

function BindDialog({ fn, onClose }: { readonly fn: Fn; readonly onClose: () => void }) {
  const [principalId, setPrincipal] = useState(NOBODY);
  const refresh = useRefresh(fn);
  const bind = async () => {
    await call("POST /api/v1/service_principals/bindings", {
      body: { servicePrincipalId: principalId, subject: { functionId: fn.id } },
    });
    await refresh();
    toast("The function is bound");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Bind the function"
      action="Bind"
      unsaved={principalId !== NOBODY}
      disabled={principalId === NOBODY}
      onConfirm={bind}
    >
      <div className="stack">
        <p>
          Its code then acts as the service principal, with all of its roles. The roles of the
          function itself no longer count.
        </p>
        <PrincipalField value={principalId} onChange={setPrincipal} />
      </div>
    </ConfirmDialog>
  );
}
