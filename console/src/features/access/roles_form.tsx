import { useState } from "react";
import { Button } from "../../parts/button.tsx";
import { useSubmit } from "../../parts/dialog.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { RoleNames, RolesField } from "../../shell/identity_fields.tsx";

/** Sets the roles of a principal. Readers who may not set them see their names. */
export function RolesForm({ label, roleIds, given = [], maySet, onSave }: {
  readonly label: string;
  /** The roles that an owner has set. */
  readonly roleIds: readonly string[];
  /** The roles that groups of the provider give. */
  readonly given?: readonly string[];
  readonly maySet: boolean;
  readonly onSave: (roleIds: readonly string[]) => Promise<unknown>;
}) {
  const [draft, setDraft] = useState<readonly string[]>();
  const { busy, error, submit, reset } = useSubmit(async () => {
    await onSave(draft ?? roleIds);
    setDraft(undefined);
    toast("The roles are set");
  });
  if (!maySet) return <RoleNames ids={[...new Set([...roleIds, ...given])]} none="No role" />;
  const chosen = draft ?? roleIds;
  const isChanged = new Set(chosen).symmetricDifference(new Set(roleIds)).size > 0;
  return (
    <form className="stack" aria-label="Roles" onSubmit={submit}>
      <RolesField
        label={label}
        value={chosen}
        given={given}
        onChange={setDraft}
      />
      {error === undefined ? null : <ErrorNote error={error} />}
      <div className="row">
        <Button type="submit" look="primary" busy={busy} disabled={!isChanged}>
          Save roles
        </Button>
        {isChanged && (
          <Button
            onClick={() => {
              setDraft(undefined);
              reset();
            }}
          >
            Discard
          </Button>
        )}
      </div>
    </form>
  );
}
