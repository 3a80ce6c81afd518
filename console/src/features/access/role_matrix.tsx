import { useState } from "react";
import type { Role } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { countOf, formatCount } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import { Section } from "../../parts/page.tsx";
import { countIn, GROUPS, type OperationGroup, OWN, permissionsOf } from "./permissions.ts";

interface Granting {
  readonly role: Role;
  readonly granted: ReadonlySet<string>;
}

/** Which operations each role allows: by groups, which open to their operations. */
export function RoleMatrix({ roles }: { readonly roles: readonly Role[] }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const granting = roles.map((role) => ({ role, granted: permissionsOf(role) }));
  const isAllOpen = open.size === GROUPS.length;
  const toggle = (id: string) => setOpen((before) => before.symmetricDifference(new Set([id])));
  return (
    <Section
      title="What each role allows"
      actions={
        <Button
          onClick={() => setOpen(new Set(isAllOpen ? [] : GROUPS.map(({ id }) => id)))}
        >
          {isAllOpen ? "Hide operations" : "Show all operations"}
        </Button>
      }
    >
      <div className="access-matrix" role="region" aria-label="Operations by role" tabIndex={0}>
        <table aria-label="Operations by role">
          <thead>
            <tr>
              <th scope="col">Operations</th>
              {roles.map(({ id, displayName, functionIds = [] }) => (
                <th key={id} scope="col">
                  <bdi title={displayName}>{displayName}</bdi>
                  {functionIds.length === 0 ? null : (
                    <span className="access-narrowed">
                      {countOf(functionIds.length, "function")}
                    </span>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          {GROUPS.map((group) => (
            <GroupRows
              key={group.id}
              group={group}
              granting={granting}
              isOpen={open.has(group.id)}
              onToggle={() => toggle(group.id)}
            />
          ))}
        </table>
      </div>
    </Section>
  );
}

function GroupRows({ group, granting, isOpen, onToggle }: {
  readonly group: OperationGroup;
  readonly granting: readonly Granting[];
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  return (
    <tbody>
      <tr className="access-group">
        <th scope="row">
          <button type="button" className="access-toggle" aria-expanded={isOpen} onClick={onToggle}>
            <Icon name={isOpen ? "down" : "chevron"} />
            {group.label}
          </button>
        </th>
        {granting.map(({ role, granted }) => (
          <td key={role.id}>
            <Share count={countIn(group, granted)} of={group.operations.length} />
          </td>
        ))}
      </tr>
      {isOpen && group.operations.map(({ id, summary }) => (
        <tr key={id}>
          <th scope="row">
            <span title={id}>{summary}</span>
          </th>
          {granting.map(({ role, granted }) => (
            <td key={role.id}>
              <Share count={group.id === OWN || granted.has(id) ? 1 : 0} of={1} />
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

/** All, some or none of what a row is about. */
function Share({ count, of }: { readonly count: number; readonly of: number }) {
  if (count === 0) {
    return (
      <span className="access-none">
        <span aria-hidden="true">–</span>
        <span className="visually-hidden">No</span>
      </span>
    );
  }
  if (count < of) return <span>{formatCount(count)} of {formatCount(of)}</span>;
  return (
    <span className="access-all">
      <Icon name="check" />
      <span className="visually-hidden">{of === 1 ? "Yes" : "All"}</span>
    </span>
  );
}
