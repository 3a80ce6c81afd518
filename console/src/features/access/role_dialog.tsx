import { useEffect, useId, useRef, useState } from "react";
import { call, type Role } from "../../api/client.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { CheckboxField, GroupError, SelectField, TextField } from "../../parts/field.tsx";
import { countOf, formatCount, visibleText } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import { countIn, GROUPS, type OperationGroup, OWN, permissionsOf } from "./permissions.ts";

interface Draft {
  readonly displayName: string;
  readonly functionIds: readonly string[];
  readonly permissions: ReadonlySet<string>;
}

const EMPTY: Draft = { displayName: "", functionIds: [], permissions: new Set() };
/** What roles grant beside what all of them do. */
const CHOSEN_GROUPS = GROUPS.filter(({ id }) => id !== OWN);
const FIELDS = ["displayName", "permissions", "functionIds"];

function draftOf({ displayName, functionIds = [], ...role }: Role): Draft {
  return { displayName, functionIds, permissions: permissionsOf(role) };
}

function isSame(one: Draft, other: Draft): boolean {
  return one.displayName === other.displayName &&
    one.functionIds.join() === other.functionIds.join() &&
    one.permissions.symmetricDifference(other.permissions).size === 0;
}

/** Stores the draft as a new role, or in place of one. */
async function save(role: Role | undefined, draft: Draft): Promise<void> {
  const body = {
    role: {
      displayName: draft.displayName,
      permissions: [...draft.permissions],
      functionIds: [...draft.functionIds],
    },
  };
  await (role === undefined
    ? call("POST /api/v1/iam/roles", { body })
    : call("POST /api/v1/iam/roles/{role_id}", {
      path: { role_id: role.id },
      body: { ...body, updateMask: FIELDS.join(",") },
    }));
}

function OperationsField({ value, onChange, error }: {
  readonly value: ReadonlySet<string>;
  readonly onChange: (permissions: ReadonlySet<string>) => void;
  readonly error: string | undefined;
}) {
  return (
    <fieldset className="roles-field">
      <legend className="field-label">Operations</legend>
      <p className="field-hint">
        Every role also lets its holders see and manage their own account.
      </p>
      {CHOSEN_GROUPS.map((group) => (
        <GroupField key={group.id} group={group} value={value} onChange={onChange} />
      ))}
      <GroupError error={error} />
    </fieldset>
  );
}

/** Makes a role, or changes one. */
export function RoleDialog({ role, roles, onClose }: {
  /** The role to change; undefined for a new one. */
  readonly role: Role | undefined;
  /** Roles that a new one can begin with. */
  readonly roles: readonly Role[];
  readonly onClose: () => void;
}) {
  const [start] = useState(() => role === undefined ? EMPTY : draftOf(role));
  const [draft, setDraft] = useState(start);
  const edit = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const isChanged = !isSame(draft, start);
  return (
    <FormDialog
      onClose={onClose}
      size="large"
      title={role === undefined ? "New role" : `Edit ${role.displayName}`}
      action={role === undefined ? "Create" : "Save"}
      unsaved={isChanged}
      disabled={!isChanged || draft.displayName.trim() === ""}
      fields={FIELDS}
      onSubmit={() => save(role, draft)}
      refresh={["identity"]}
      done={role === undefined ? "Role created" : "Role saved"}
    >
      {(violation) => (
        <>
          <div className="access-fields">
            <TextField
              label="Name"
              value={draft.displayName}
              onChange={(displayName) => edit({ displayName })}
              error={violation("displayName")}
              autoFocus
            />
            {role === undefined && (
              <StartField
                roles={roles}
                onChoose={(permissions) => edit({ permissions })}
              />
            )}
          </div>
          <FunctionFilter
            label="Only for these functions"
            value={draft.functionIds}
            onChange={(functionIds) => edit({ functionIds })}
            error={violation("functionIds")}
          />
          <OperationsField
            value={draft.permissions}
            onChange={(permissions) => edit({ permissions })}
            error={violation("permissions")}
          />
        </>
      )}
    </FormDialog>
  );
}

const NOTHING = "";

/** Chooses the operations of another role to begin with. */
function StartField({ roles, onChoose }: {
  readonly roles: readonly Role[];
  readonly onChoose: (permissions: ReadonlySet<string>) => void;
}) {
  const [id, setId] = useState(NOTHING);
  return (
    <SelectField
      label="Start with the operations of"
      value={id}
      onChange={(chosen) => {
        setId(chosen);
        const role = roles.find((each) => each.id === chosen);
        onChoose(role === undefined ? new Set() : permissionsOf(role));
      }}
      options={[
        { value: NOTHING, label: "No role" },
        ...roles.map((role) => ({ value: role.id, label: visibleText(role.displayName) })),
      ]}
    />
  );
}

/** All operations of a group at once, or each of them. */
function GroupField({ group, value, onChange }: {
  readonly group: OperationGroup;
  readonly value: ReadonlySet<string>;
  readonly onChange: (permissions: ReadonlySet<string>) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  const { operations, label } = group;
  const count = countIn(group, value);
  const isSome = count > 0 && count < operations.length;
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = isSome;
  }, [isSome]);
  const ids = new Set(operations.map((operation) => operation.id));
  return (
    <div className="access-choice">
      <div className="row">
        <input
          ref={box}
          id={id}
          type="checkbox"
          checked={count === operations.length}
          onChange={({ target }) =>
            onChange(target.checked ? value.union(ids) : value.difference(ids))}
        />
        <label htmlFor={id}>{label}</label>
        <button
          type="button"
          className="access-toggle muted"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isSome
            ? `${formatCount(count)} of ${countOf(operations.length, "operation")}`
            : countOf(operations.length, "operation")}
          <span className="visually-hidden">of {label}</span>
          <Icon name={isOpen ? "down" : "chevron"} />
        </button>
      </div>
      {isOpen && (
        <div className="access-operations">
          {operations.map((operation) => (
            <CheckboxField
              key={operation.id}
              label={operation.summary}
              value={value.has(operation.id)}
              onChange={() => onChange(value.symmetricDifference(new Set([operation.id])))}
            />
          ))}
        </div>
      )}
    </div>
  );
}
