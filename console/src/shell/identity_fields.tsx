/** Roles and service principals by their names, and the fields that choose them. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call, type Role } from "../api/client.ts";
import { aboutRole, keys, readPages, readRoles } from "../api/queries.ts";
import { CheckboxField, GroupError, SelectField } from "../parts/field.tsx";
import { countOf, visibleText } from "../parts/format.ts";
import { Loaded, Loading } from "../parts/states.tsx";
import { Name } from "../parts/values.tsx";

/** The roles that the reader may see. */
export const rolesQuery = queryOptions({
  queryKey: keys.roles,
  queryFn: ({ signal }) => readRoles(signal),
});

/** What a role allows, in a few words. */
export function roleSummary(role: Role): string {
  const about = aboutRole(role);
  if (about !== undefined) return about;
  const operations = countOf(role.permissions.length, "operation");
  const count = role.functionIds?.length ?? 0;
  return count === 0 ? operations : `${operations} for ${countOf(count, "function")}`;
}

/** The names of roles; the id of a role that is gone, or that the reader may not see. */
export function RoleNames({ ids, none }: {
  readonly ids: readonly string[];
  /** Shown without roles. */
  readonly none: string;
}) {
  const { data = [] } = useQuery(rolesQuery);
  if (ids.length === 0) return <span className="muted">{none}</span>;
  const names = new Map(data.map(({ id, displayName }) => [id, displayName]));
  return <Name value={ids.map((id) => names.get(id) ?? id).join(", ")} />;
}

/** Chooses any number of roles. */
export function RolesField({ label, hint, value, given = NONE, onChange, error }: {
  readonly label: string;
  readonly hint?: string | undefined;
  /** Ids of roles. */
  readonly value: readonly string[];
  /** Ids of roles that this field cannot change, such as the roles of the provider's groups. */
  readonly given?: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
  readonly error?: string | undefined;
}) {
  const query = useQuery(rolesQuery);
  const toggle = (id: string, isOn: boolean) =>
    onChange(isOn ? [...value, id] : value.filter((each) => each !== id));
  return (
    <fieldset className="roles-field">
      <legend className="field-label">{label}</legend>
      {hint === undefined ? null : <p className="field-hint">{hint}</p>}
      <Loaded query={query} loading={<Loading rows={3} />}>
        {(roles) =>
          withUnknown(roles, value).map(({ id, displayName, summary }) => (
            <CheckboxField
              key={id}
              label={visibleText(displayName)}
              hint={given.includes(id)
                ? `${summary}. A group of the provider gives this role.`
                : summary}
              value={value.includes(id)}
              onChange={(isOn) => toggle(id, isOn)}
            />
          ))}
      </Loaded>
      <GroupError error={error} />
    </fieldset>
  );
}

const NONE: readonly string[] = [];

interface Choice {
  readonly id: string;
  readonly displayName: string;
  readonly summary: string;
}

/** The roles, and further roles of the value that the reader may not see, so that the reader can remove them. */
function withUnknown(roles: readonly Role[], value: readonly string[]): readonly Choice[] {
  const known = new Set(roles.map(({ id }) => id));
  return [
    ...roles.map((role) => ({ ...role, summary: roleSummary(role) })),
    ...value.filter((id) => !known.has(id))
      .map((id) => ({ id, displayName: id, summary: "A role that you may not see" })),
  ];
}

/** The newest service principals, at most 1,000. */
export const principalChoicesQuery = queryOptions({
  queryKey: [...keys.principals, "choices"],
  queryFn: ({ signal }) =>
    readPages((query) => call("GET /api/v1/service_principals", { query, signal })),
});

/** Chooses a service principal. */
export function PrincipalField({ value, onChange, error }: {
  /** Its id; empty before a choice. */
  readonly value: string;
  readonly onChange: (principalId: string) => void;
  readonly error?: string | undefined;
}) {
  const choices = useQuery(principalChoicesQuery);
  return (
    <Loaded query={choices} loading={<Loading rows={1} />}>
      {(principals) =>
        principals.length === 0
          ? (
            <p>
              There is no service principal yet. <Link to="/access/principals">Create one</Link>
              {" "}
              first.
            </p>
          )
          : (
            <SelectField
              label="Service principal"
              value={value}
              onChange={onChange}
              error={error}
              options={[
                { value: "", label: "Choose one" },
                ...principals.map(({ id = "", displayName = "" }) => ({
                  value: id,
                  label: visibleText(displayName),
                })),
              ]}
            />
          )}
    </Loaded>
  );
}
