import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { NameField } from "../../parts/name_fields.tsx";
import { LifetimeField, LimitFields } from "../../shell/credential_fields.tsx";
import { DEFAULT_DAYS, lifetimeOf, type Limits, linesOf } from "../../shell/limits.ts";
import { type MadeSecret, SecretDialog } from "../../shell/secret_dialog.tsx";

interface Draft extends Limits {
  readonly displayName: string;
  readonly days: string;
}

const EMPTY: Draft = { displayName: "", days: DEFAULT_DAYS, roleIds: [], networks: "" };

/** Asks for what a new client of the reader is to be, and shows its secret once. */
export function NewClient({ onClose }: { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<MadeSecret>();
  const [draft, setDraft] = useState(EMPTY);
  const edit = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const create = async () => {
    const { client, clientSecret = "" } = await call("POST /api/v1/iam/personal_clients", {
      body: {
        displayName: draft.displayName,
        expires: lifetimeOf(draft.days),
        scopedRoles: [...draft.roleIds],
        allowSourceCidr: linesOf(draft.networks),
      },
    });
    setMade({ isApiKey: false, clientId: client?.clientId ?? "", secret: clientSecret });
    void queries.invalidateQueries({ queryKey: keys.clients });
  };
  if (made !== undefined) return <SecretDialog {...made} onClose={onClose} />;
  return (
    <FormDialog
      onClose={onClose}
      title="New client"
      description="It acts as you: a program with its secret can do what you can."
      action="Create"
      unsaved={JSON.stringify(draft) !== JSON.stringify(EMPTY)}
      disabled={draft.displayName.trim() === ""}
      fields={["displayName", "expires", "scopedRoles", "allowSourceCidr"]}
      onSubmit={create}
    >
      {(violation) => (
        <>
          <NameField
            hint="What uses it, such as a program or a machine"
            value={draft}
            onChange={edit}
            violation={violation}
          />
          <LifetimeField
            value={draft.days}
            onChange={(days) => edit({ days })}
            hasNever
            violation={violation}
          />
          <LimitFields
            value={draft}
            onChange={edit}
            holder="you"
            fields={{ roles: "scopedRoles", networks: "allowSourceCidr" }}
            violation={violation}
          />
        </>
      )}
    </FormDialog>
  );
}
