import { type FormEvent, useState } from "react";
import { Button } from "../../parts/button.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { RoleNames, RolesField } from "../../shell/roles.tsx";

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
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  if (!maySet) return <RoleNames ids={[...new Set([...roleIds, ...given])]} none="No role" />;
  const chosen = draft ?? roleIds;
  const isChanged = new Set(chosen).symmetricDifference(new Set(roleIds)).size > 0;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      await onSave(chosen);
      setDraft(undefined);
      setState({ busy: false });
      toast("The roles are set");
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return (
    <form className="stack" aria-label="Roles" onSubmit={(event) => void submit(event)}>
      <RolesField
        label={label}
        value={chosen}
        given={given}
        onChange={setDraft}
      />
      {state.error === undefined ? null : <ErrorNote error={state.error} />}
      <div className="row">
        <Button type="submit" look="primary" busy={state.busy} disabled={!isChanged}>
          Save roles
        </Button>
        {isChanged
          ? (
            <Button
              onClick={() => {
                setDraft(undefined);
                setState({ busy: false });
              }}
            >
              Discard
            </Button>
          )
          : null}
      </div>
    </form>
  );
}
